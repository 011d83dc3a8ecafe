"""``maskdet synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.cli.options import Number, common_options, exclude_options, say
from maskdet.cli.paths import FILE, FOLDER, OLD_FOLDER
from maskdet.progress import Progress
from maskdet.synth.styles import MASK_STYLES, STYLES

if TYPE_CHECKING:
    from maskdet.synth.run import Synthesised


@click.command(
    "synth",
    epilog="Exit codes: 0 done; 2 wrong usage, or the extra synth is not installed; 3 some or all "
    "files could not be processed or written; 4 the landmark network is altered.",
)
@click.argument("folder", metavar="DIR", type=OLD_FOLDER)
@click.option(
    "--out",
    type=FOLDER,
    required=True,
    metavar="DIR",
    help="Where the pictures go; not below DIR.",
)
@click.option(
    "--style",
    "styles",
    type=click.Choice(STYLES),
    multiple=True,
    help="How masks are worn; repeatable. [default: all but occluded]",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Pictures for each face.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Take at most this many faces, drawn by the seed."
)
@click.option(
    "--templates",
    type=OLD_FOLDER,
    metavar="DIR",
    help="Pictures of masks from the front, cut out (PNG with transparency). [default: masks are "
    "drawn]",
)
@click.option(
    "--drawn",
    type=Number(0, 1),
    default=0,
    show_default=True,
    help="With --templates: the part of the masks that is drawn nevertheless.",
)
@click.option(
    "--min-face",
    type=Number(min=0),
    default=40,
    show_default=True,
    metavar="PX",
    help="Leave out faces whose shorter side has fewer pixels.",
)
@click.option(
    "--max-yaw",
    type=Number(0, 60),
    default=35,
    show_default=True,
    metavar="DEGREES",
    help="Leave out faces that are turned further aside.",
)
@exclude_options
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of every choice: the same seed gives the same files.",
)
@click.option(
    "--sheet",
    type=FILE,
    metavar="PATH",
    help="Also write a contact sheet (.png, .jpg) of the faces, to look at.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are in --out already.")
@common_options
def command(
    folder: Path,
    out: Path,
    styles: tuple[str, ...],
    count: int,
    limit: int | None,
    templates: Path | None,
    drawn: float,
    min_face: float,
    max_yaw: float,
    exclude: tuple[str, ...],
    seed: int,
    sheet: Path | None,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Put masks on bare faces, worn properly or not, to train on.

    \b
    Example:
      maskdet synth data/faces --out data/synthetic
      maskdet synth photographs/ --out more/ --style under_nose --style chin --sheet look.png
      maskdet synth data/faces --out data/hands --style occluded --limit 500

    DIR is a folder as 'maskdet train' takes it: photographs with Pascal VOC files, or class
    folders of faces. Its faces of the class without_mask get masks, bent to the face and lit as it
    is. Photographs are written as a whole, with a VOC file in which treated faces have their new
    class; faces go to class folders.

    \b
    correct                        with_mask
    under_nose, under_mouth, chin  mask_worn_incorrectly
    occluded                       without_mask: a hand, a cup, a telephone, a scarf or a piece of
                                   another picture before the mouth

    manifest.csv in --out names each picture's origin and has its group, so that 'maskdet train DIR
    --extra OUT' never validates on a face that it was trained on.
    """
    from maskdet import images
    from maskdet.synth.plan import SynthOptions
    from maskdet.synth.run import synthesise

    if sheet and sheet.suffix.lower() not in images.WRITABLE:
        raise click.BadParameter(f"{sheet} is no picture (.jpg, .png)", param_hint="--sheet")
    options = SynthOptions(
        styles=styles or MASK_STYLES,
        count=count,
        limit=limit,
        templates=templates,
        drawn=drawn,
        seed=seed,
        min_face=min_face,
        max_yaw=max_yaw,
        exclude=exclude,
        overwrite=overwrite,
    )
    result = synthesise(folder, out, options, progress)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    _print(out, result)
    if sheet and result.made:
        from maskdet.synth import sheet as sheets

        sheets.write(out, result.made, sheet)
    if result.problems:
        say(f"{len(result.problems)} files or labels could not be used", error=True)
        raise click.exceptions.Exit(3)


def _print(out: Path, result: Synthesised) -> None:
    faces = result.labels.total()
    click.echo(f"{click.format_filename(out)}: {len(result.made)} pictures, {faces} faces made")
    for label, number in sorted(result.labels.items()):
        click.echo(f"  {label}: {number}")
    click.echo(f"skipped: {result.skipped.total()}")
    for reason, number in sorted(result.skipped.items()):
        click.echo(f"  {reason}: {number}")
