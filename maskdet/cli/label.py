"""``maskdet label``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.classes import CLASSES, KNOWN
from maskdet.cli import COMMANDS
from maskdet.cli.exclusive import exclusive
from maskdet.cli.groups import CommandGroup
from maskdet.cli.label_check import check, line
from maskdet.cli.label_mine import mine
from maskdet.cli.networks import pipeline_options
from maskdet.cli.options import common_options, data_option, margin_option, say
from maskdet.cli.paths import FOLDER
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.detect.pipeline import Pipeline
    from maskdet.labels.crop import Cropped
    from maskdet.labels.propose import Proposed

NOT_ALL = 3
"""Exit code: some or all pictures or boxes could not be processed."""


@click.group(
    cls=CommandGroup,
    short_help=COMMANDS["label"],
    epilog="Exit codes: 0 done; 2 wrong usage, or labelImg is not installed; 3 some pictures or "
    "boxes could not be processed, or no window can be opened; 4 no usable model.",
)
@click.argument("folder", required=False, type=FOLDER, metavar="[DIR]")
@data_option
@click.option(
    "--faces",
    type=FOLDER,
    metavar="DIR",
    help="Where the crops go. [default: faces in --data]",
)
@click.option(
    "--class",
    "label",
    type=click.Choice(KNOWN),
    help="The class of every proposed face. [default: the name of the nearest folder that is "
    "named after a class]",
)
@click.option(
    "--class-from",
    type=click.Choice(["folder", "model"]),
    help="Whether the folder's name or a model says what class a proposed face is of. [default: "
    "folder; model with --detector maskdet, which is one]",
)
@click.option(
    "--edit",
    type=click.Choice(["labelimg", "window"]),
    help="Open the folder to correct boxes and classes: in labelImg (needs the extra gui), or in "
    "a window of maskdet's own.",
)
@click.option(
    "--suggest",
    is_flag=True,
    help="List the pictures by how much a look at them is worth: first those whose label --model "
    "doubts, then those it is least sure of. --edit window shows them in that order.",
)
@click.option("--propose-only", is_flag=True, help="Cut nothing out.")
@click.option("--crop-only", is_flag=True, help="Propose nothing.")
@click.option("--force", is_flag=True, help="Overwrite also what a person has labelled.")
@margin_option
@exclusive(
    *(("crop_only", name) for name in ("propose_only", "label", "class_from", "force")),
    ("label", "class_from"),
)
@pipeline_options("ssd")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    data: Path,
    faces: Path | None,
    label: str | None,
    class_from: str | None,
    edit: str | None,
    suggest: bool,
    propose_only: bool,
    crop_only: bool,
    force: bool,
    margin: float,
    load: Callable[[], Pipeline],
    progress: Progress,
) -> None:
    """Find the faces of photographs, let them be corrected, and cut them out.

    \b
    Examples:
      maskdet label                                  # data/raw -> data/faces
      maskdet label photos/ --class with_mask
      maskdet label photos/ --class-from model --edit window
      maskdet label photos/ --suggest --edit window
      maskdet label photos/ --crop-only --faces faces/

    For each picture of DIR (raw in --data, if none is named) that no person has labelled yet, a
    Pascal VOC file with the detected faces is written beside it. After --edit, if asked for,
    every face that is not marked as difficult is cut out into a folder of its class, with a
    manifest.csv that 'maskdet train' understands. Crops follow the VOC files: run the command
    again after a change.
    """
    if propose_only and crop_only:
        raise click.UsageError("--propose-only and --crop-only exclude each other")
    if crop_only and (label or class_from == "model" or force):
        raise click.UsageError("--class, --class-from and --force are for proposing")
    if label and class_from == "model":
        raise click.UsageError("--class and --class-from model exclude each other")
    folder, faces = folder or data / "raw", faces or data / "faces"

    from maskdet.faces.base import LabellingDetector
    from maskdet.labels import crop, propose
    from maskdet.layout import pictures

    if not propose_only or faces.exists():
        crop.check_apart(folder, faces)
    told: set[str] = set()
    order: list[Path] | None = None
    if edit:
        # At once, and not after an hour of proposing.
        editor = import_module(f"maskdet.labels.{edit}")
        editor.require()
    if suggest or not crop_only:
        pipeline = load()
        if suggest and pipeline.classifier is None:
            raise click.UsageError("--suggest asks a classifier: name one with --model")
    if not crop_only:
        if class_from is None and not label and isinstance(pipeline.detector, LabellingDetector):
            class_from = "model"
        classify = pipeline if class_from == "model" else None
        proposed = propose.propose(folder, pipeline.detector, label, classify, force, progress)
        _say_proposed(proposed)
        _tell(proposed.problems, told)
    if suggest:
        from maskdet.labels import review

        assert pipeline.classifier
        ranked, failed = review.suggest(folder, pipeline.detector, pipeline.classifier, progress)
        for number, (path, verdict) in enumerate(ranked, 1):
            click.echo(line(number, path, verdict))
        order = [path for path, _ in ranked]
        _tell(failed, told)
    if edit == "labelimg":
        editor.edit(folder)
    elif edit == "window":
        editor.edit(pictures(folder)[0] if order is None else order)
    if not propose_only:
        cropped = crop.crop(folder, faces, data, margin, progress=progress)
        _say_cropped(cropped, faces)
        _tell(cropped.problems, told)
    if told:
        say(f"problems: {len(told)}; the rest is done", error=True)
        ctx.exit(NOT_ALL)


def _tell(problems: Iterable[str], told: set[str]) -> None:
    """Name problems at once, as what comes next may fail, and each of them once."""
    for problem in problems:
        if problem not in told:
            say(f"error: {problem}", error=True)
            told.add(problem)


def _say_proposed(result: Proposed) -> None:
    click.echo(
        f"proposed: {result.faces} faces in {result.pictures} pictures ({result.faceless} without "
        f"a face); {result.kept} files that were there stay as they are"
    )


def _say_cropped(result: Cropped, faces: Path) -> None:
    click.echo(
        f"{click.format_filename(faces)}: {result.made} crops made, {result.removed} removed, "
        f"{result.unchanged} unchanged; {result.difficult} difficult faces left out"
    )
    for name in (*CLASSES, *(name for name in result.labels if name not in CLASSES)):
        click.echo(f"  {name}: {result.labels[name]}")
    if result.unlabelled:
        say(f"{result.unlabelled} pictures have no VOC file")


command.add_command(check)
command.add_command(mine)
