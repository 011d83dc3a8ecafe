"""``maskdet crawl``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskdet.classes import KNOWN, canonical
from maskdet.cli import COMMANDS
from maskdet.cli.options import Number, common_options, data_option, say
from maskdet.cli.paths import FILE
from maskdet.crawl.filters import FILTERS
from maskdet.crawl.options import CrawlOptions, Limits
from maskdet.errors import NetworkError
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.crawl.run import Summary

NOT_ALL = 3
"""Exit code: a phrase could not be searched for, or brought nothing that could be saved."""

_DEFAULT = CrawlOptions()
_FILTER_HELP = {
    "license": "Only pictures that Bing takes to be under such a licence; noted in the ledger. "
    "Read the licence on the picture's page before you rely on it.",
    "size": "Only pictures of about this size.",
    "type": "Only this kind of picture.",
    "people": "Only faces, or heads and shoulders.",
    "date": "Only pictures that Bing has found within the last day, week, ...",
    "color": "Only pictures in colour, in black and white, or mostly of one colour.",
}


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(FILTERS):
        choices = click.Choice(list(FILTERS[name]))
        command = click.option(f"--{name}", name, type=choices, help=_FILTER_HELP[name])(command)
    return command


def _class(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    name = canonical(value)
    if name is None:
        raise click.BadParameter(f"{value!r} is none of {', '.join(KNOWN)}")
    return name


def _address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from maskdet.crawl.policy import refused_url

    if refusal := refused_url(value):
        raise click.BadParameter(f"{value!r} cannot be asked: {refusal}")
    return value


@click.command(
    short_help=COMMANDS["crawl"],
    epilog="Exit codes: 0 done, also where Bing has fewer pictures than asked for; 2 wrong usage; "
    "3 Bing did not answer some of the phrases, or nothing that it found for a phrase could be "
    "saved, or the disk is full; 6 Bing answered none of the phrases; 130 interrupted.",
)
@click.argument("phrases", nargs=-1, metavar="[PHRASE]...")
@click.option(
    "--class",
    "label",
    metavar="NAME",
    callback=_class,
    help=f"What the pictures are to show: {', '.join(KNOWN)}. [default: a folder named after the "
    "phrase]",
)
@click.option("--preset", is_flag=True, help="Search for the phrases that come with maskdet.")
@click.option(
    "--queries",
    "queries_file",
    type=FILE,
    metavar="FILE",
    help="Search for the phrases in a text file: one a line, below lines like [with_mask].",
)
@data_option
@click.option(
    "--max-num",
    type=click.IntRange(1),
    default=_DEFAULT.max_num,
    show_default=True,
    help="Pictures to save for each phrase, those of earlier runs counted.",
)
@click.option(
    "--min-side",
    type=click.IntRange(1),
    default=_DEFAULT.min_side,
    show_default=True,
    metavar="PX",
    help="Leave out pictures whose shorter side has fewer pixels.",
)
@_filters
@click.option(
    "--retry", is_flag=True, help="Try those again that failed for a reason that may have passed."
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=_DEFAULT.threads,
    show_default=True,
    help="Pictures fetched at a time.",
)
@click.option(
    "--per-host",
    type=click.IntRange(1),
    default=_DEFAULT.per_host,
    show_default=True,
    help="Pictures fetched from one host at a time.",
)
@click.option(
    "--delay",
    type=Number(0),
    default=_DEFAULT.delay_s,
    show_default=True,
    metavar="S",
    help="Least seconds between two requests to a host.",
)
@click.option(
    "--timeout",
    type=Number(0, min_open=True),
    default=_DEFAULT.limits.seconds,
    show_default=True,
    metavar="S",
    help="Most seconds for a picture in all.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    default=_DEFAULT.limits.bytes,
    show_default=True,
    help="Leave out larger files.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=_DEFAULT.max_pixels,
    show_default=True,
    help="Leave out pictures of more pixels, undecoded.",
)
@click.option(
    "--ignore-robots-tag",
    is_flag=True,
    help="Keep pictures whose owner forbids it by X-Robots-Tag (noai, noindex, ...), too.",
)
@click.option(
    "--allow-private",
    is_flag=True,
    help="Fetch from private networks and this machine, too: for a local mirror.",
)
@click.option(
    "--endpoint",
    callback=_address,
    default=_DEFAULT.endpoint,
    show_default=True,
    envvar="MASKDET_BING_URL",
    show_envvar=True,
    metavar="URL",
    help="The address of the result pages, if not Bing's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    phrases: tuple[str, ...],
    label: str | None,
    preset: bool,
    queries_file: Path | None,
    data: Path,
    delay: float,
    timeout: float,
    max_bytes: int,
    as_json: bool,
    progress: Progress,
    **given: Any,
) -> None:
    """Search Bing for pictures, and save and catalog those that stand the checks.

    \b
    Examples:
      maskdet crawl "people wearing face masks street" --class with_mask --max-num 500
      maskdet crawl --preset --license share
      maskdet crawl --queries phrases.txt --retry

    The pictures go to DIR/raw/CLASS/, named after their bytes; DIR/catalog.sqlite has a row
    for every address that was tried, with its page, phrase, rank and outcome. What has been
    dealt with is never fetched again, so the same command goes on where it was stopped.

    Prints how many addresses ended how. Proxies named in the environment are not used.
    """
    from maskdet.crawl import queries

    wanted = [queries.query(phrase, label) for phrase in phrases if phrase.strip()]
    if preset:
        wanted += queries.preset(label)
    if queries_file:
        wanted += queries.read(queries_file, label)
    if not wanted and (preset or queries_file):
        where = queries_file or "the preset"
        raise click.UsageError(f"no phrase{f' for {label}' if label else ''} in {where}")
    if not wanted:
        raise click.UsageError(
            "say what to search for: a phrase in quotation marks, --preset or --queries FILE"
        )
    filters = {name: given.pop(name) for name in FILTERS}
    options = CrawlOptions(
        filters={name: choice for name, choice in filters.items() if choice},
        delay_s=delay,
        limits=Limits(bytes=max_bytes, seconds=timeout),
        **given,
    )

    from maskdet.crawl.run import crawl

    summary = crawl(data, wanted, options, progress)
    if as_json:
        click.echo(json.dumps(summary.to_dict(), ensure_ascii=False))
    else:
        _print_table(summary)
    if summary.interrupted:
        say("interrupted: the same command goes on", error=True)
        ctx.exit(130)
    _judge(ctx, summary)


def _print_table(summary: Summary) -> None:
    from maskdet.catalog.sources import MEANING

    # Alike many by name, not by which thread came first.
    ranked = sorted(summary.outcomes.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name.value, count, MEANING[name]) for name, count in ranked]
    known = sum(search.known for search in summary.searches)
    unreadable = sum(search.unreadable for search in summary.searches)
    rows += [("known", known, "dealt with before, not fetched again")] * bool(known)
    rows += [("unreadable", unreadable, "results without an address")] * bool(unreadable)
    for name, count, meaning in rows:
        click.echo(f"{name:<12} {count:>6}  {meaning}")
    before = sum(search.before for search in summary.searches)
    total = sum(search.saved for search in summary.searches)
    wanted = sum(max(search.wanted, search.before) for search in summary.searches)
    click.echo(f"{total} of {wanted} pictures are there, {total - before} of them new")


def _judge(ctx: click.Context, summary: Summary) -> None:
    """Say what was not reached, and end with the exit code for it."""
    for search in summary.failed:
        say(f"error: {search.query.phrase}: {search.error}", error=True)
    asked = [search for search in summary.searches if search.pages or search.error]
    usable = any(search.results > search.unreadable for search in asked)
    if asked and len(summary.failed) == len(asked) and not usable:
        raise NetworkError(
            "Bing answered nothing usable: see whether it can be reached; where it turns "
            "programs away, wait some hours, or name a mirror with --endpoint"
        )
    for search in summary.fruitless:
        tried = search.outcomes.total()
        say(f"error: {search.query.phrase}: none of {tried} addresses gave a picture", error=True)
    for search in summary.searches:
        if search.pages and not search.results:
            say(f"{search.query.phrase}: Bing has no results")
        if search.doubt:
            doubt = f"{search.doubt}: there may be more, and the same command asks for them"
            say(f"warning: {search.query.phrase}: {doubt}")
    if summary.failed or summary.fruitless:
        ctx.exit(NOT_ALL)
