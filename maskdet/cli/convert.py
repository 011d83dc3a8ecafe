"""``maskdet convert``."""

from __future__ import annotations

from pathlib import Path

import click

from maskdet.cli.options import Number, common_options, say
from maskdet.cli.paths import OLD_PATH, PATH
from maskdet.progress import Progress

FORMATS = click.Choice(("voc", "yolo", "coco", "crops"))


@click.command(
    "convert",
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some files could not be converted.",
)
@click.argument("source", type=OLD_PATH)
@click.argument("target", type=PATH)
@click.option("--to", type=FORMATS, required=True, help="The format to write.")
@click.option(
    "--from", "kind", type=FORMATS, help="The format of SOURCE. [default: by its content]"
)
@click.option(
    "--copy/--link",
    default=True,
    show_default=True,
    help="Copy the pictures, or make hard links where the file system can.",
)
@click.option(
    "--margin",
    type=Number(0, 1),
    default=0.1,
    show_default=True,
    help="Of crops: what is added around a face's box on each side, as a part of its longer side.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are in TARGET already.")
@common_options
def command(
    source: Path,
    target: Path,
    to: str,
    kind: str | None,
    copy: bool,
    margin: float,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Convert labelled pictures between Pascal VOC, YOLO, COCO and folders of crops.

    \b
    Example:
      maskdet convert photographs/ yolo/ --to yolo
      maskdet convert kaggle/ photographs/ --to voc
      maskdet convert photographs/ photographs.json --to coco

    \b
    voc    Pascal VOC files beside the pictures, as 'maskdet label' and 'train' want them
    yolo   images/, labels/ and data.yaml, as ultralytics wants them
    coco   images/ and annotations.json; with a TARGET that ends with .json that file alone
    crops  class folders of faces, and a manifest.csv that knows where they were cut out

    Class names of other data sets are understood. manifest.csv goes along. What cannot be
    read is listed, what the new format cannot hold is counted.
    """
    from maskdet.labels.convert import convert

    result = convert(source, target, to, kind, not copy, overwrite, margin, progress)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    faces = ", ".join(f"{name} {count}" for name, count in sorted(result.faces.items()))
    counts = f"{result.pictures} pictures, {result.faces.total()} faces"
    click.echo(f"{click.format_filename(target)}: {counts}", nl=False)
    click.echo(f" ({faces})" if faces else "")
    if result.empty:
        click.echo(f"  without a face: {result.empty}")
    if result.renamed:
        click.echo(f"  renamed, another picture having the name: {result.renamed}")
    for what, count in result.lost.items():
        click.echo(f"  lost: {count} {what}")
    if result.problems:
        say(f"{len(result.problems)} files or labels could not be used", error=True)
        raise click.exceptions.Exit(3)
