"""``maskdet label check``, and the lines that ``maskdet label --suggest`` prints, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maskdet.cli.networks import model_option
from maskdet.cli.options import common_options, exclude_options, say
from maskdet.cli.paths import FILE, FOLDER
from maskdet.progress import Progress

if TYPE_CHECKING:
    from maskdet.labels.review import Verdict

NOT_ALL = 3
"""Exit code: some pictures or labels could not be processed."""


@click.command(
    "check",
    short_help="List labels that are probably wrong.",
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some pictures or labels could not be processed; "
    "4 no usable model.",
)
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="FOLDER...")
@model_option
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="List at most this many faces.",
)
@click.option(
    "--sheet",
    type=FILE,
    metavar="PATH",
    help="Write a contact sheet of the listed faces: a picture (.jpg), or a page (.html).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one object a face.")
@exclude_options
@common_options
@click.pass_context
def check(
    ctx: click.Context,
    folders: tuple[Path, ...],
    model: str,
    limit: int,
    sheet: Path | None,
    as_json: bool,
    exclude: tuple[str, ...],
    progress: Progress,
) -> None:
    """List labels that are probably wrong.

    \b
    Examples:
      maskdet label check data/faces
      maskdet label check data/raw --limit 200 --sheet doubts.html
      maskdet label check data/faces data/raw --json > doubts.jsonl

    The model looks at each labelled face of the folders (class folders, or photographs with
    Pascal VOC files), and what it would have labelled otherwise is listed, the most doubtful
    first: number, label and the model's class, each with the model's probability, the box as
    x1,y1,x2,y2 in pixels (- for a whole picture), and the picture. Nothing is changed: a person
    should look. A face that is marked as difficult is left out.
    """
    from maskdet.labels import dataset, review
    from maskdet.labels import sheet as sheets
    from maskdet.models.classifier import Classifier

    if sheet and sheet.suffix.lower() not in sheets.SUFFIXES:
        raise click.BadParameter(
            f"{sheet} is neither a picture (.jpg, .png) nor a page (.html)", param_hint="--sheet"
        )
    classifier = Classifier(model, threads=1)
    data = dataset.load(folders, exclude)
    dataset.warn_of_idle(exclude, data)
    result = review.check(data.samples, classifier, progress)
    suspects = result.suspects(limit)
    for number, verdict in enumerate(suspects, 1):
        click.echo(
            json.dumps(verdict.to_dict()) if as_json else line(number, verdict.path, verdict)
        )
    if sheet and suspects:
        sheets.write(suspects, sheet)
        say(f"wrote {click.format_filename(sheet)}")
    elif sheet:
        say(f"there is nothing to show: {click.format_filename(sheet)} is not written")
    say(
        f"{len(result.suspects())} of {len(result.verdicts)} labels are doubtful, "
        f"{len(suspects)} listed; {result.left_out} faces left out (difficult, or of a class "
        "that the model does not know)"
    )
    problems = [*data.problems, *result.problems]
    for problem in problems:
        say(f"error: {problem}", error=True)
    if problems:
        say(f"problems: {len(problems)}; the rest is done", error=True)
        ctx.exit(NOT_ALL)


def line(number: int, path: Path, verdict: Verdict | None) -> str:
    """Return what is printed of a picture and one of its faces, if it has any."""
    source = click.format_filename(path)
    if verdict is None:
        return f"{number} no face {source}"
    said, other = (
        f"{name} {verdict.scores[name]:.2f}" if name else "unlabelled"
        for name in (verdict.label, verdict.proposed)
    )
    if verdict.label is None or verdict.doubt > 0:
        said += f" -> {other}"
    box = ",".join(f"{v:.0f}" for v in verdict.box.to_list()) if verdict.box else "-"
    return f"{number} {said} {box} {source}"
