"""``maskdet train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from maskdet.cli.options import common_options
from maskdet.cli.paths import FILE, OLD_PATH, PATH
from maskdet.cli.remarks import starting_keras
from maskdet.cli.train_options import FIELDS, LARGEST_FACE, how_options
from maskdet.progress import Progress
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.options import TrainOptions


@click.command(
    "train",
    epilog="Exit codes: 0 done, also where some files could not be used; 2 wrong usage, or the "
    "extra train is not installed; 3 the data cannot be trained on, or the model not be written; "
    "4 weights or a model are missing; 130 interrupted, the best epoch being kept.",
)
@click.argument("data", nargs=-1, required=True, type=OLD_PATH)
@click.option(
    "--task",
    type=click.Choice(["classification", "detection"]),
    default="classification",
    show_default=True,
    help="classification: what a face wears; detection: maskdet's own detector, which finds the "
    "faces of a photograph and says so at once. Options marked [c] or [d] are for one of them.",
)
@click.option("--out", type=PATH, help="The model's folder: model/NAME.")
@how_options
@click.option(
    "--extra",
    multiple=True,
    type=OLD_PATH,
    metavar="DIR",
    help="More faces that are trained on, but not validated on: synthetic ones, say. Left out are "
    "those of a group, or near-duplicates, of a validation face. Repeatable.",
)
@click.option(
    "--preview",
    type=FILE,
    metavar="PATH",
    help="Only write a contact sheet of augmented faces, or crops, with their labels; train "
    "nothing.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was cut short in --out.")
@click.option(
    "--overwrite", is_flag=True, help="Replace the model that is in --out, its card and metrics."
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    data: tuple[Path, ...],
    task: str,
    extra: tuple[Path, ...],
    exclude: tuple[str, ...],
    out: Path | None,
    preview: Path | None,
    resume: bool,
    overwrite: bool,
    progress: Progress,
    **options: Any,
) -> None:
    """Train a classifier of faces, or a detector, on labelled faces or photographs.

    \b
    Example:
      maskdet train data/faces --out model/mine
      maskdet detect --image photo.jpg --model model/mine
      maskdet train --task detection photographs/ --out model/own
      maskdet detect --image photo.jpg --model model/own

    DATA is one or more folders: of class folders (with_mask, without_mask,
    mask_worn_incorrectly, background) with a face a picture, or of photographs with
    Pascal VOC files beside them, whose faces are cut out. A manifest.csv with the columns
    file and group says what shows the same photo or person and must not be divided between
    training and validation. With its column split, as 'maskdet split' writes it, the part
    train is trained on, val is for validation, and test is never looked at. A detector is
    trained on photographs with Pascal VOC files alone.

    Files that cannot be used are listed, and training goes on without them. Ctrl-C keeps
    the best epoch so far; --resume goes on.
    """
    _refuse_others(ctx, task)
    if out is None and not preview:
        raise click.UsageError("Missing option '--out': the folder of the model, e.g. model/mine.")
    if out and not preview:
        from maskdet.train.run import check_place

        check_place(out, [*data, *extra], resume, overwrite)  # before TensorFlow's seconds
    if task == "detection":
        _detector(
            data,
            out,
            _detector_options(ctx, options | {"exclude": exclude}),
            preview,
            extra=extra,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        )
        return
    if options["image_size"] > LARGEST_FACE:
        raise click.BadParameter(
            f"{options['image_size']} is more than {LARGEST_FACE}", param_hint="--image-size"
        )
    own = {name: value for name, value in options.items() if name in FIELDS["classification"]}
    chosen = TrainOptions(**own, exclude=exclude)
    if preview:
        from maskdet.train.preview import preview as write_preview

        write_preview(data, preview, chosen, extra, progress)
        click.echo(preview)
        return
    assert out
    with starting_keras():
        from maskdet.train.fit import train

    result = train(
        data,
        out,
        chosen,
        extra=extra,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
    )
    outcome = result.outcome
    click.echo(f"{result.folder}: validation accuracy {outcome.accuracy:.4f}, ", nl=False)
    click.echo(f"macro-F1 {outcome.macro_f1:.4f} (epoch {outcome.best_epoch})")
    for name, recall in outcome.recall.items():
        click.echo(f"  {name}: precision {outcome.precision[name]:.4f}, recall {recall:.4f}")
    _say_end(result.problems, result.interrupted)


def _say_end(problems: list[str], interrupted: bool) -> None:
    if problems:
        click.echo(f"{len(problems)} files or boxes could not be used", err=True)
    if interrupted:
        click.echo("interrupted: the best epoch so far is kept; --resume goes on", err=True)
        raise click.exceptions.Exit(130)


def _refuse_others(ctx: click.Context, task: str) -> None:
    """Refuse options of the other task, which would be without effect.

    Not settings of the environment: they are for whichever task is run.
    """
    (other,) = set(FIELDS) - {task}
    for name in FIELDS[other] - FIELDS[task]:
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} is for --task {other}")


def _detector_options(ctx: click.Context, options: dict[str, Any]) -> DetectorOptions:
    """Return what is asked for; what is not has the detector's own defaults."""
    if not options["epochs"]:
        raise click.BadParameter("a detector needs at least one", param_hint="--epochs")
    return DetectorOptions(
        **{
            name: value
            for name, value in options.items()
            if name in FIELDS["detection"]
            and (name == "exclude" or ctx.get_parameter_source(name) != ParameterSource.DEFAULT)
        }
    )


def _detector(
    data: tuple[Path, ...],
    out: Path | None,
    options: DetectorOptions,
    preview: Path | None,
    *,
    extra: tuple[Path, ...],
    resume: bool,
    overwrite: bool,
    progress: Progress,
) -> None:
    if preview:
        from maskdet.train.detector.preview import preview as write_preview

        write_preview(data, preview, options, extra, progress)
        click.echo(preview)
        return
    assert out
    with starting_keras():
        from maskdet.train.detector.fit import train

    result = train(
        data,
        out,
        options,
        extra=extra,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
    )
    outcome = result.outcome
    click.echo(f"{result.folder}: validation mAP {outcome.map:.4f}, ", nl=False)
    click.echo(f"face AP {outcome.face_ap:.4f} (epoch {outcome.best_epoch})")
    for name, value in outcome.average_precision.items():
        click.echo(f"  {name}: average precision {value:.4f}")
    _say_end(result.problems, result.interrupted)
