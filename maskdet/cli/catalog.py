"""``maskdet catalog``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.cli import COMMANDS
from maskdet.cli.options import common_options, data_option, say
from maskdet.cli.paths import FILE, PATH
from maskdet.errors import InputError
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.catalog import Catalog
    from maskdet.catalog.origin import Origin
    from maskdet.catalog.summary import Count, Summary
    from maskdet.forget import Plan, Removal

NOT_ALL = 3
"""Exit code: some files are not in the catalog, or could not be removed."""


@contextmanager
def _opened(data: Path) -> Iterator[Catalog]:
    """Open the catalog of a data set, which must be there."""
    from maskdet.catalog import Catalog, exists

    if not exists(data):
        raise InputError(
            f"{data} has no catalog: 'maskdet crawl' makes one; --data names another data set"
        )
    with Catalog(data) as catalog:
        yield catalog


@click.group(
    short_help=COMMANDS["catalog"],
    epilog="Exit codes: 0 done; 2 wrong usage; 3 there is no catalog, or what is named is not in "
    "it, or a file could not be removed or written.",
)
def command() -> None:
    """What a data set holds, where each file came from, and what is to be forgotten.

    \b
    Examples:
      maskdet catalog summary
      maskdet catalog where data/faces/with_mask/*.jpg
      maskdet catalog export --format jsonl > sources.jsonl
      maskdet catalog forget https://example.org/photo.jpg
    """


@command.command("summary", short_help="Count pictures, addresses, hosts and phrases.")
@data_option
@click.option(
    "--top",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Hosts and phrases to show; --json has all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@common_options
def summary_command(data: Path, top: int, as_json: bool, progress: Progress) -> None:
    """Count pictures, addresses, hosts and phrases.

    \b
    Example:
      maskdet catalog summary --data data
    """
    from maskdet.catalog.summary import summarise

    with _opened(data) as catalog:
        summary = summarise(catalog)
    if as_json:
        click.echo(json.dumps(summary.to_dict(), ensure_ascii=False))
        return
    _print_summary(summary, top)
    if summary.missing:
        say(f"{len(summary.missing)} files are not there any more, e.g. {summary.missing[0]}")


@command.command("export", short_help="Write the catalog as CSV or JSON Lines.")
@data_option
@click.option(
    "--what",
    type=click.Choice(["sources", "images", "crops"]),
    default="sources",
    show_default=True,
    help="A row for each address that was tried (and each picture without one), for each "
    "picture, or for each crop.",
)
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "jsonl"]),
    help="[default: by the ending of --out, else csv]",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="Where to, if not stdout.",
)
@common_options
def export_command(
    data: Path, what: str, table_format: str | None, out: Path | None, progress: Progress
) -> None:
    """Write the catalog as CSV or JSON Lines.

    \b
    Examples:
      maskdet catalog export > sources.csv
      maskdet catalog export --what crops --out crops.jsonl

    Every row of pictures and crops has the addresses that they came from.
    """
    from maskdet.catalog import export

    chosen = table_format or ("jsonl" if out and out.suffix in (".jsonl", ".json") else "csv")
    with _opened(data) as catalog:
        if out:
            export.write(catalog, what, chosen, out)
        else:
            for line in export.lines(catalog, what, chosen):
                click.echo(line, nl=False)


@command.command("where", short_help="Say where files came from: pictures, duplicates, crops.")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, an object a file.")
@common_options
@click.pass_context
def where_command(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    data: Path,
    as_json: bool,
    progress: Progress,
) -> None:
    """Say where files came from: pictures, duplicates, crops.

    \b
    Example:
      maskdet catalog where data/faces/with_mask/0a1b2c3d4e5f6071_0.jpg

    A copy of a picture that lies elsewhere is known by its bytes.
    """
    from maskdet.catalog.origin import origin

    unknown = 0
    with _opened(data) as catalog:
        for path in paths:
            try:
                found = origin(catalog, path)
            except InputError as error:
                say(f"error: {error}", error=True)
                unknown += 1
                continue
            if as_json:
                click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
            else:
                _print_origin(found)
    if unknown:
        ctx.exit(NOT_ALL)


@command.command("forget", short_help="Take pictures out for good, and never fetch them again.")
@click.argument("names", nargs=-1, required=True, metavar="URL|DOMAIN|SHA256|FILE...")
@data_option
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@common_options
@click.pass_context
def forget_command(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    data: Path,
    dry_run: bool,
    yes: bool,
    progress: Progress,
) -> None:
    """Take pictures out for good, and never fetch them again.

    \b
    Examples:
      maskdet catalog forget https://example.org/photo.jpg
      maskdet catalog forget example.org --dry-run
      maskdet catalog forget 0a1b2c3d data/raw/with_mask/4e5f607182930a1b.jpg

    Removes a picture's file, its boxes (.xml) and its crops, with their rows in manifests, and
    the copies that were set aside as its duplicates. Of a SHA256, the first eight digits are
    enough; a DOMAIN stands for all hosts below it, too. A crop stands for its picture. What was
    made of them elsewhere stays: the pages that 'maskdet dedup' and 'label check' write, exports,
    models.
    """
    from maskdet import forget

    with _opened(data) as catalog:
        plan = forget.plan(catalog, names)
        _print_plan(plan, catalog.root)
        if dry_run:
            return
        if not yes:
            click.confirm("Remove and never fetch again?", abort=True, err=True)
        done = forget.forget(catalog, plan)
    for problem in done.problems:
        say(f"error: {problem}", error=True)
    say(f"{done.pictures} pictures forgotten, {done.files} files removed")
    if done.problems:
        say("what could not be removed is still in the catalog: run the command again", error=True)
        ctx.exit(NOT_ALL)


def _print_summary(summary: Summary, top: int) -> None:
    from maskdet.catalog.summary import STATUS

    width = max([len("pictures"), *map(len, summary.pictures), *map(len, summary.crops)])
    click.echo(f"{'pictures':<{width}} " + "".join(f"{status:>11}" for status in STATUS))
    for folder, counts in summary.pictures.items():
        numbers = "".join(f"{counts.get(status, 0):>11}" for status in STATUS)
        click.echo(f"{folder or '-':<{width}} {numbers}")
    if summary.crops:
        click.echo("\ncrops")
        for label, number in summary.crops.items():
            click.echo(f"{label:<{width}} {number:>11}")
    click.echo(f"\naddresses tried: {sum(summary.outcomes.values())}")
    for outcome, number in summary.outcomes.items():
        click.echo(f"{outcome:<{width}} {number:>11}")
    _print_counts("hosts", summary.hosts, top)
    _print_counts("phrases", summary.phrases, top)
    if summary.forgotten:
        parts = (f"{kind} {number}" for kind, number in summary.forgotten.items())
        click.echo(f"\nnever fetched again: {', '.join(parts)}")


def _print_counts(title: str, counts: list[Count], top: int) -> None:
    if not top or not counts:
        return
    click.echo(f"\n{title:<8}{'tried':>8}{'saved':>8}")
    for count in counts[:top]:
        label = f" ({count.label})" if count.label else ""
        click.echo(f"{count.tried:>16}{count.saved:>8}  {count.name}{label}")
    if len(counts) > top:
        click.echo(f"and {len(counts) - top} more")


def _print_origin(found: Origin) -> None:
    picture = found.picture
    click.echo(click.format_filename(found.path))
    if found.face:
        box = ",".join(f"{value:.0f}" for value in found.face.box.to_list())
        click.echo(f"  face {found.face.object} ({found.face.label}, {box}) of {picture.path}")
    click.echo(
        f"  {picture.format}, {picture.width} x {picture.height}, sha256 {picture.sha256}, "
        f"{picture.status}"
    )
    if found.original:
        click.echo(f"  a duplicate of {found.original.path}")
    for address in found.addresses:
        rank = "" if address.rank is None else f", result {address.rank}"
        click.echo(f'  from {address.url} ("{address.phrase}"{rank}, {address.tried[:10]})')
        if address.page_url:
            click.echo(f"    on {address.page_url}")
    if not found.addresses:
        click.echo("  from no address: put there by hand")


def _print_plan(plan: Plan, root: Path) -> None:
    for item in plan.removals:
        click.echo(_described(item, root))
    for target in plan.targets:
        click.echo(f"never again: {target}")
    for picture in plan.originals:
        say(f"{picture.path} stays, of which a duplicate goes")
    if not plan.removals:
        say("no picture in the catalog is concerned")


def _described(item: Removal, root: Path) -> str:
    """Return one line on what goes with a picture."""
    others = len(item.files) - 1
    name = item.picture.path or f"sha256 {item.picture.sha256}"
    more = f" and {others} files with it" if others > 0 else ""
    urls = f" ({', '.join(item.urls)})" if item.urls else ""
    return f"{name}{more}{urls}"
