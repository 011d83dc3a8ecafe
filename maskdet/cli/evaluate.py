"""``maskdet evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from maskdet.cli import COMMANDS
from maskdet.cli.exclusive import exclusive
from maskdet.cli.networks import pipeline_options
from maskdet.cli.options import Number, common_options, exclude_options, say
from maskdet.cli.paths import FOLDER, OLD_FILE, Place
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.detect.pipeline import Pipeline

NOT_ALL = 3
"""Exit code: some inputs could not be processed."""

OF_MODELS = ("model", "classifier", "detector", "face_model", "min_face", "face_size")
"""Options without a meaning for the predictions of another program."""


@click.command(
    short_help=COMMANDS["evaluate"],
    epilog="Exit codes: 0 done; 2 wrong usage, or the extra train is not installed; 3 some "
    "pictures, labels or predictions could not be processed, or nothing could be measured; 4 no "
    "usable model.",
)
@click.option(
    "--data",
    required=True,
    type=FOLDER,
    metavar="DIR",
    help="Photographs with Pascal VOC files beside them, or folders of crops named after classes.",
)
@click.option(
    "--predictions",
    type=Place(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Measure these instead of a model: JSON Lines as 'maskdet detect --json' prints them; - "
    "reads them from stdin.",
)
@click.option(
    "--tags",
    type=OLD_FILE,
    metavar="CSV",
    help="What is noted of faces, to be measured apart: columns file, object (the face's place in "
    "its VOC file, from 0), tags.",
)
@click.option(
    "--split",
    type=click.Choice(("train", "val", "test")),
    help="Measure only on this part, as the column split of manifest.csv has it.",
)
@exclude_options
@click.option(
    "--min-side",
    type=Number(min=0),
    default=24,
    show_default=True,
    metavar="PX",
    help="Judge labels only of true faces of at least so many pixels each way: those of the "
    "classifier, and those of kinds of faces, but for the kinds by size.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Draws for the 95 % intervals; 0 leaves them out.",
)
@click.option(
    "--out",
    type=FOLDER,
    metavar="DIR",
    help="Write metrics.json and report.html there; the report shows faces of the data.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what metrics.json holds, no tables.")
@exclusive(*(("predictions", name) for name in OF_MODELS))
@pipeline_options("maskdet")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    data: Path,
    predictions: Path | None,
    tags: Path | None,
    split: str | None,
    exclude: tuple[str, ...],
    min_side: float,
    resamples: int,
    out: Path | None,
    as_json: bool,
    load: Callable[..., Pipeline],
    progress: Progress,
) -> None:
    """Measure a model, a detector, or the predictions of any program.

    \b
    Examples:
      maskdet evaluate --data scenes/
      maskdet evaluate --data scenes/ --model model/mine --out report/
      maskdet evaluate --data data/faces --split test --model model/mine
      maskdet evaluate --data scenes/ --predictions other.jsonl --json > other.json

    On photographs: the face detector alone, it and the labels together, and a classifier, if
    there is one, on the true boxes; on crops: a classifier. Intervals come from drawing whole
    pictures with replacement. Faces marked as difficult are neither counted nor held against a
    detection of which half lies in them. --min-score is the working threshold; average precision
    looks at everything down to 0.05: of a picture, the surest 300, or all that is shown.
    """
    from maskdet.evaluate import tables
    from maskdet.evaluate.run import evaluate
    from maskdet.labels.ap import LEAST_SCORE

    if out:  # Before the long work: what is missing, or cannot be written.
        from maskdet.evaluate import report
        from maskdet.files import make_folder

        make_folder(out)
    measured: Path | Pipeline
    if predictions:
        for name in OF_MODELS:
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                option = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"--predictions and {option} exclude each other")
        # Its own program has left out what it would not show.
        chosen = ctx.params["min_score"]
        measured, working = predictions, 0.0 if chosen is None else chosen
    else:
        working = load().detector.min_score
        measured = load(min_score=min(LEAST_SCORE, working))
    result = evaluate(
        data,
        measured,
        working,
        split=split,
        exclude=exclude,
        tags=tags,
        min_side=min_side,
        resamples=resamples,
        progress=progress,
    )
    if as_json:
        click.echo(json.dumps(result.metrics, indent=2))
    else:
        shown = [tables.text(table) for table in tables.tables(result.metrics)]
        click.echo("\n\n".join([tables.heading(result.metrics), *shown]))
    if out:
        for path in report.write(result, out):
            say(f"wrote {click.format_filename(path)}")
    for note in result.notes:
        say(note)
    for problem in result.problems:
        say(f"error: {problem}", error=True)
    if result.problems:
        say(f"problems: {len(result.problems)}; the rest is measured", error=True)
        ctx.exit(NOT_ALL)
