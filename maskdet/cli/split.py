"""``maskdet split``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskdet.cli.options import Number, common_options, say
from maskdet.cli.paths import OLD_FOLDER, PATH
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.labels.partition import Table


def _fraction(name: str, default: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        f"--{name}",
        type=Number(0, 1),
        default=default,
        show_default=True,
        help=f"Part of the faces that goes to {name}.",
    )


@click.command(
    "split",
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some files could not be used, or --check has "
    "found that something leaks.",
)
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=OLD_FOLDER,
)
@_fraction("train", 0.8)
@_fraction("val", 0.1)
@_fraction("test", 0.1)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of the choice among equals.",
)
@click.option("--anew", is_flag=True, help="Split all anew, whatever parts pictures have already.")
@click.option(
    "--out",
    type=PATH,
    metavar="NEW",
    help="Also lay the parts out as folders NEW/train, NEW/val and NEW/test, for other tools.",
)
@click.option(
    "--copy/--link",
    default=True,
    show_default=True,
    help="With --out: copy the pictures, or make hard links where the file system can.",
)
@click.option("--check", is_flag=True, help="Only list what leaks from one part into another.")
@common_options
def command(
    folders: tuple[Path, ...],
    train: float,
    val: float,
    test: float,
    seed: int,
    anew: bool,
    out: Path | None,
    copy: bool,
    check: bool,
    progress: Progress,
) -> None:
    """Split labelled pictures into train, val and test, so that nothing leaks.

    \b
    Example:
      maskdet split data/faces
      maskdet split --check data/faces
      maskdet split --check train/ val/ test/

    DIR is one or more folders as 'maskdet train' takes them; they are split as one set.
    Pictures of one group (a manifest.csv says which) and near-duplicates, also mirrored ones,
    come into one part, and every part gets its share of each class. The column split of
    DIR/manifest.csv says which part a picture is in; no picture is moved. 'maskdet train' keeps
    to it.

    Pictures that have a part already keep it, so pictures can be added and split later. New
    ones that are like old ones join their part; those that link several parts bring all into
    test, or into val if none is in test.
    """
    if check:
        _check(folders, progress)
        return
    if abs(train + val + test - 1) > 1e-6:
        raise click.UsageError(
            f"--train, --val and --test are {train + val + test:g} together, not 1."
        )
    from maskdet.labels.partition import PICTURES, partition

    fractions = {"train": train, "val": val, "test": test}
    result = partition(folders, fractions, seed, anew, out, not copy, progress)
    _print(result.table)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    for label, name in result.lacking:
        say(f"no face of the class {label} is in {name}: there are too few groups of it")
    kept = sum(count[PICTURES] for count in result.table.values()) - result.new - result.moved
    if kept and not anew:
        say(f"{kept} pictures keep the part that they had: --anew splits all again")
    if result.moved:
        say(f"{result.moved} pictures have another part than before")
    if result.problems:
        say(f"{len(result.problems)} files or labels could not be used", error=True)
        raise click.exceptions.Exit(3)


def _check(folders: tuple[Path, ...], progress: Progress) -> None:
    from maskdet.labels.leaks import check

    result = check(folders, progress)
    for leak in result.leaks:
        where = " | ".join(
            f"{name}: {click.format_filename(path)}"
            for name, path in zip(leak.parts, leak.paths, strict=True)
        )
        click.echo(f"{leak.kind}{f' ({leak.detail})' if leak.detail else ''}: {where}")
    _print(result.table)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    if result.problems:
        say(f"{len(result.problems)} files or labels could not be used", error=True)
    if result.leaks:
        say(f"{len(result.leaks)} leaks between parts", error=True)
    if result.problems or result.leaks:
        raise click.exceptions.Exit(3)


def _print(table: Table) -> None:
    """Print faces by class and part."""
    labels = sorted({label for count in table.values() for label in count} - {"pictures"})
    width = max(len(label) for label in (*labels, "pictures"))
    columns = [max(8, len(name)) for name in (*table, "all")]

    def line(first: str, cells: list[str]) -> None:
        texts = (f"{cell:>{space}}" for cell, space in zip(cells, columns, strict=True))
        click.echo(f"{first:{width}}  {'  '.join(texts)}")

    line("faces", [*table, "all"])
    for label in (*labels, "pictures"):
        counts = [count[label] for count in table.values()]
        line(label, [str(count) for count in (*counts, sum(counts))])
