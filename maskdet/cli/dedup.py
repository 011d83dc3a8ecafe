"""``maskdet dedup``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.cli import COMMANDS
from maskdet.cli.options import common_options, data_option, say
from maskdet.cli.paths import FILE, FOLDER
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.dedup.find import Found
    from maskdet.dedup.match import Match

NOT_ALL = 3
"""Exit code: some pictures could not be looked at, or not be set aside or put back."""


@click.command(
    "dedup",
    short_help=COMMANDS["dedup"],
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some pictures could not be processed.",
)
@click.argument("folders", nargs=-1, type=FOLDER, metavar="[FOLDER]...")
@data_option
@click.option(
    "--hash",
    "kind",
    type=click.Choice(["phash", "dhash", "ahash", "whash"]),
    default="phash",
    show_default=True,
    help="The perceptual hash that finds candidates.",
)
@click.option(
    "--hash-size",
    "size",
    type=click.IntRange(2, 32),
    default=8,
    show_default=True,
    help="The hash has as many bits squared (of whash: a power of 2).",
)
@click.option(
    "--distance",
    type=click.IntRange(min=0),
    help="Most bits in which the hashes of two candidates differ. [default: 10 of 64 bits; 2 with "
    "--no-verify]",
)
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Lay the pictures over each other and compare them, and find other framings by their "
    "details, too; or let the hash alone decide, which is faster and coarser.  [default: verify]",
)
@click.option("--mirror", is_flag=True, help="A picture flipped left to right is a copy, too.")
@click.option(
    "--against",
    type=FOLDER,
    metavar="DIR",
    help="Find the pictures that this folder has a copy of (train against test): they are set "
    "aside, the folder's own pictures stay.",
)
@click.option(
    "--action",
    type=click.Choice(["move", "delete", "link", "report"]),
    default="move",
    show_default=True,
    help="What is done with duplicates: move them aside; delete them; make those with the same "
    "bytes hard links to the one that stays, and leave the others; or nothing.",
)
@click.option("--aside", type=FOLDER, metavar="DIR", help="Where they are moved to.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--undo", is_flag=True, help="Put back everything that was set aside so far.")
@click.option(
    "--report",
    type=FILE,
    metavar="PATH",
    help="Write a page (.html) that shows each group. [default: report.html where pictures are "
    "moved to]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one object a match.")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    folders: tuple[Path, ...],
    data: Path,
    kind: str,
    size: int,
    distance: int | None,
    verify: bool,
    mirror: bool,
    against: Path | None,
    action: str,
    aside: Path | None,
    dry_run: bool,
    yes: bool,
    undo: bool,
    report: Path | None,
    as_json: bool,
    progress: Progress,
) -> None:
    """Find copies of the same picture and set all but the best one aside.

    \b
    Examples:
      maskdet dedup
      maskdet dedup photos --dry-run --report duplicates.html
      maskdet dedup data/faces --mirror
      maskdet dedup train --against test --action report
      maskdet dedup --undo

    Of the copies of a picture the one with a Pascal VOC file stays, of several or none the one
    with the most pixels, then the sharper one, then the larger file. The others go to
    DIR/duplicates (of a bare folder: to FOLDER-duplicates beside it), with their VOC files.
    Nothing is set aside that was not itself found to be a copy of the one that stays, and the
    same picture under two classes stays in both.

    Printed are, separated by tabs: exact, near, crop, mirrored or conflict; the picture; the
    one that stays.
    """
    from maskdet.dedup import aside as asides
    from maskdet.dedup import report as reports
    from maskdet.dedup.find import Options
    from maskdet.dedup.run import look, put_back, scope

    if kind == "whash" and size & (size - 1):
        raise click.BadParameter("of whash, it is a power of 2", param_hint="--hash-size")
    if undo and dry_run:
        raise click.UsageError("--undo has no --dry-run")
    place = scope(folders, data, aside)
    if undo:
        done = put_back(place, progress)
        say(f"put back {len(done.moved)} pictures in {place.root}")
        _end(ctx, done.problems)
        return
    options = Options(kind, size, distance, verify, mirror)
    acting = action != "report" and not dry_run
    with place.open() if acting else place.open_to_look() as catalog:
        begun = asides.recover(catalog) if acting and catalog else []
        found = look(place, options, against, catalog, progress)
        _print(found, as_json)
        if report is None and acting and action == "move" and found.duplicates:
            report = place.aside / "report.html"
        if report is not None:
            reports.write(found, report)
            say(f"wrote {click.format_filename(report)}")
        say(_summary(found, "leaks" if against else "duplicates"))
        done = asides.Done()
        if acting and catalog and found.duplicates:
            if action == "delete" and not yes:
                click.confirm(
                    f"Delete {len(found.duplicates)} pictures for good?", abort=True, err=True
                )
            done = asides.set_aside(catalog, found.duplicates, action, place.aside, progress)
            said = {"move": f"moved to {place.aside}:", "delete": "deleted", "link": "linked"}
            say(f"{said[action]} {len(done.moved)}")
    _end(ctx, list(dict.fromkeys([*begun, *found.problems, *done.problems])))


def _print(found: Found, as_json: bool) -> None:
    conflicts = {id(match) for match in found.conflicts}
    for match in [*found.conflicts, *found.duplicates]:
        click.echo(_line(match, id(match) in conflicts, as_json))


def _line(match: Match, conflict: bool, as_json: bool) -> str:
    if as_json:
        return json.dumps(match.to_dict() | {"conflict": conflict})
    names = (click.format_filename(path) for path in (match.path, match.kept))
    return "\t".join(["conflict" if conflict else match.kind, *names])


def _summary(found: Found, what: str) -> str:
    return (
        f"{found.pictures} pictures, {found.compared} pairs compared: "
        f"{len(found.duplicates)} {what}, {len(found.conflicts)} conflicts"
    )


def _end(ctx: click.Context, problems: list[str]) -> None:
    for problem in problems:
        say(f"error: {problem}", error=True)
    if problems:
        say(f"problems: {len(problems)}; the rest is done", error=True)
        ctx.exit(NOT_ALL)
