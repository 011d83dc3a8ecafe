"""``maskdet label mine``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.classes import BACKGROUND, CLASSES
from maskdet.cli.networks import detector_options
from maskdet.cli.options import Number, common_options, margin_option, say
from maskdet.cli.paths import FOLDER, PATH
from maskdet.faces import DETECTORS, create
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.faces.base import FaceDetector
    from maskdet.labels.mine import Mined

NOT_ALL = 3
"""Exit code: some pictures or boxes could not be processed."""


@click.command(
    "mine",
    short_help="Cut faces out as the detector boxes them, and its false alarms.",
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some pictures or boxes could not be processed, or "
    "a result could not be written; 4 a face detector is missing.",
)
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option(
    "--faces",
    required=True,
    type=FOLDER,
    metavar="OUT",
    help="Where the crops go: a new folder.",
)
@click.option(
    "--second",
    type=click.Choice(DETECTORS),
    help="A detector that looks at the false alarms: where it sees a face, too, it may be one that "
    "carries no box, and is left out.",
)
@click.option(
    "--second-model",
    type=PATH,
    metavar="PATH",
    help="The second detector's file, as --face-model.",
)
@click.option(
    "--second-score",
    type=Number(0, 1),
    default=0.3,
    show_default=True,
    help="How sure the second detector has to be of a face.",
)
@margin_option
@detector_options
@common_options
@click.pass_context
def mine(
    ctx: click.Context,
    folder: Path,
    faces: Path,
    second: str | None,
    second_model: Path | None,
    second_score: float,
    margin: float,
    load: Callable[..., FaceDetector],
    progress: Progress,
) -> None:
    """Cut faces out as the detector boxes them, and its false alarms.

    \b
    Examples:
      maskdet label mine data/raw --faces data/mined
      maskdet label mine data/raw --faces data/mined --second haar
      maskdet label mine data/raw --faces data/mined --second yunet --second-model yunet.onnx

    At work, a classifier sees faces as --detector boxes them, and what that takes for faces;
    training can see both. DIR holds photographs with Pascal VOC files that a person
    has looked at. What the detector finds there down to --min-score is cut out:
    true faces into folders of their class, and what lies where no face is into OUT/background.
    A manifest.csv keeps the crops of a picture on one side of a split with the picture itself.
    Look through OUT/background before training: not every face in a data set carries a box.
    """
    if second is None and second_model is not None:
        raise click.UsageError("--second-model is for --second")
    if second == "yunet" and second_model is None:
        raise click.UsageError("--second yunet needs its file: --second-model")

    from maskdet.labels import mine as mining

    chosen = ctx.params["min_score"]
    least = mining.MIN_SCORES.get(ctx.params["detector"], mining.MIN_SCORE)
    detector = load(min_score=least if chosen is None else chosen)
    other = create(second, second_model, second_score) if second else None
    result = mining.mine(folder, faces, detector, other, margin, progress)
    _say(result, faces)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    if result.problems:
        say(f"problems: {len(result.problems)}; the rest is done", error=True)
        ctx.exit(NOT_ALL)


def _say(result: Mined, faces: Path) -> None:
    found = result.found.total()
    click.echo(
        f"{click.format_filename(faces)}: {found + result.false_alarms} crops made; {found} of "
        f"{found + result.missed} faces found"
    )
    for name in CLASSES:
        click.echo(f"  {name}: {result.found[name]}")
    click.echo(f"  {BACKGROUND}: {result.false_alarms}")
    click.echo(
        f"left out: {result.neither} boxes that touch a face without matching it, {result.seen} "
        "false alarms where the second detector sees a face"
    )
    if result.unlabelled:
        say(f"{result.unlabelled} pictures have no VOC file")
    if result.proposals:
        say(f"{result.proposals} VOC files are proposals that nobody has looked at: left out")
