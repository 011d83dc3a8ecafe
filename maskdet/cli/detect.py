"""``maskdet detect``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from maskdet.classes import CLASSES
from maskdet.cli import COMMANDS
from maskdet.cli.exclusive import exclusive
from maskdet.cli.networks import pipeline_options
from maskdet.cli.options import common_options, say
from maskdet.cli.paths import FILE, FOLDER, INPUT, PATH
from maskdet.progress import SILENT, Progress

if TYPE_CHECKING:
    from maskdet.detect.pipeline import Pipeline
    from maskdet.detect.sinks import Sink
    from maskdet.images import Bgr
    from maskdet.types import ImageResult

FOUND = 10
"""Exit code: a face of a class that --fail-on names."""

NOT_ALL = 3
"""Exit code: some or all inputs could not be processed."""


@click.command(
    short_help=COMMANDS["detect"],
    epilog="Exit codes: 0 done; 2 wrong usage; 3 some or all inputs could not be processed; "
    "4 no usable model; 5 the camera cannot be opened; 10 a class of --fail-on was found, whether "
    "or not other inputs failed; 130 interrupted, whatever was found: Ctrl-C ends a camera without "
    "a window, unless --max-frames does.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=INPUT,
    metavar="PATH...",
    help="A picture, a folder (and all below it), a quoted pattern, or - for one on stdin.",
)
@click.option(
    "--video",
    "videos",
    multiple=True,
    type=INPUT,
    metavar="PATH...",
    help="A film or GIF. Its annotated copy is a film without sound.",
)
@click.option(
    "--webcam",
    is_flag=False,
    flag_value="0",
    metavar="[SOURCE]",
    help="A camera's number or device, or an rtsp:// or http:// stream; 0 if none is named. In "
    "its window, q or Esc ends and s saves a picture.",
)
@click.argument("paths", nargs=-1, type=INPUT, metavar="")
@click.option(
    "--out",
    type=PATH,
    help="Where annotated pictures or films go: a file, or a folder. [default: NAME.maskdet.jpg "
    "or .mp4 in the working directory, unless --no-save, --show, --json, --csv, --save-crops or "
    "--fail-on is given; of a camera, none]",
)
@click.option("--no-save", is_flag=True, help="Write no annotated picture or film.")
@click.option("--show", is_flag=True, help="Show each picture: q or Esc ends, other keys go on.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON Lines, one object a picture or frame."
)
@click.option("--csv", "csv_file", type=FILE, help="Write a table with a row a face.")
@click.option("--save-crops", type=FOLDER, help="Save each face, in a folder of its class.")
@click.option(
    "--fail-on",
    type=click.Choice(CLASSES),
    multiple=True,
    help="End with exit code 10 if there is a face of this class. Repeatable.",
)
@click.option("--blur", is_flag=True, help="Hide every face in what is written or shown.")
@click.option(
    "--no-window",
    is_flag=True,
    help="With --webcam: no window, until Ctrl-C. Chosen by itself where there is no display.",
)
@click.option(
    "--max-frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="End a film or a camera after N frames.",
)
@exclusive(
    ("images", "videos", "webcam"),
    ("no_save", "out"),
    *(("no_window", name) for name in ("images", "videos", "show")),
    ("max_frames", "images"),
)
@pipeline_options("maskdet")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    images: tuple[str, ...],
    videos: tuple[str, ...],
    webcam: str | None,
    paths: tuple[str, ...],
    out: Path | None,
    no_save: bool,
    show: bool,
    as_json: bool,
    csv_file: Path | None,
    save_crops: Path | None,
    fail_on: tuple[str, ...],
    blur: bool,
    no_window: bool,
    max_frames: int | None,
    load: Callable[..., Pipeline],
    progress: Progress,
) -> None:
    """Find faces and say who wears a mask, in pictures, films or a camera's view.

    \b
    Examples:
      maskdet detect --image photo.jpg
      maskdet detect --image photos/ --json > faces.jsonl
      maskdet detect --image *.jpg more/ --out annotated/
      curl -s https://example.org/a.jpg | maskdet detect --image -
      maskdet detect --video street.mp4
      maskdet detect --webcam
      maskdet detect --webcam http://camera.local/stream --no-window --json

    Prints a line a face on stdout: picture, label, confidence, and box as x1,y1,x2,y2 in
    pixels; for a film, one line; for a camera without a window, one whenever the number of
    faces of a class changes. Everything else goes to stderr.
    """
    if not images and not videos and webcam is None:
        raise click.UsageError(
            f"say what to look at: maskdet detect --image {paths[0] if paths else 'photo.jpg'}"
        )
    if bool(images) + bool(videos) + (webcam is not None) > 1:
        raise click.UsageError("--image, --video and --webcam exclude each other")
    if webcam is not None and paths:
        raise click.UsageError(f"--webcam takes one source: what is {paths[0]}?")
    if no_window and (webcam is None or show):
        raise click.UsageError("--no-window is for --webcam without --show")
    if max_frames and images:
        raise click.UsageError("--max-frames is for --video and --webcam")
    if no_save and out is not None:
        raise click.UsageError("--no-save and --out exclude each other")
    asks_else = bool(no_save or show or as_json or csv_file or save_crops or fail_on)
    save = out is not None or (webcam is None and not asks_else)
    if blur and save_crops:
        raise click.UsageError("--blur hides the faces that --save-crops would save")
    shows = save or show or (webcam is not None and not no_window)
    if blur and not shows and ctx.get_parameter_source("blur") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--blur needs a picture to hide faces in: add --out or --show")

    from maskdet.detect import run, sinks, sources

    given = [*images, *videos, *paths]
    if webcam is not None:
        pictures = [sources.camera(webcam)]
    elif videos:
        pictures = sources.films(given)
    else:
        stdin = sys.stdin.buffer.read() if sources.STDIN in given else None
        pictures = sources.expand(given, stdin)
    try:
        places = sources.places(pictures, out, films=not images) if save else {}
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--out") from error
    try:
        if csv_file and webcam is None:  # a camera's number is no file
            sources.keep_inputs(pictures, csv_file)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--csv") from error

    pipeline = load(moving=not images)
    check_classes(pipeline, fail_on)
    if webcam is not None:
        from maskdet.detect.camera import Camera

        # First, so that nothing is made where there is no camera. Whatever ends the command
        # must end its thread, else Python's own end may abort the process.
        stream = ctx.with_resource(Camera(webcam))
    results: list[Sink] = [sinks.JsonLines(sys.stdout)] if as_json else []
    if save_crops:
        results.append(sinks.Crops(save_crops, pipeline.margin))
    if csv_file:
        table = sinks.Csv(csv_file)
        ctx.call_on_close(table.close)  # the run closes it, but there may be none
        results.append(table)

    if images:
        if not as_json:
            results.append(Lines())
        annotated = sinks.AnnotatedImages(places, blur) if save else None
        if annotated:
            results.append(annotated)
        if show:
            from maskdet.detect.window import PictureWindow

            results.append(PictureWindow(blur))
        # On a terminal, the lines that come out show the progress; a bar would garble them.
        bars: Progress = progress if len(pictures) > 1 and not sys.stdout.isatty() else SILENT
        summary = run.detect_pictures(pipeline, pictures, results, bars)
        if annotated and annotated.written:
            say(f"wrote {_written(annotated.written)}")
    else:
        from maskdet.cli import moving

        view = moving.View(places, blur, max_frames, lines=not as_json)
        if webcam is not None:
            summary = moving.camera(pipeline, stream, results, view, show, not no_window)
        else:
            summary = moving.films(pipeline, pictures, results, view, show, progress)

    if csv_file:
        say(f"wrote {csv_file}")
    if summary.failed:
        total = summary.done + len(summary.failed)
        say(f"{len(summary.failed)} of {total} inputs could not be processed", error=True)
    if any(summary.labels[name] for name in fail_on):
        ctx.exit(FOUND)
    if summary.failed:
        ctx.exit(NOT_ALL)


def check_classes(pipeline: Pipeline, names: tuple[str, ...]) -> None:
    """Refuse to wait for a class that the model cannot tell."""
    for name in names:
        if name not in pipeline.classes:
            raise click.BadParameter(
                f"this model does not know {name}, only {', '.join(pipeline.classes)}",
                param_hint="--fail-on",
            )


class Lines:
    """The sink that prints a line a face, and says on stderr where there is none."""

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Print one result."""
        source = click.format_filename(result.source)
        for face in result.faces:
            box = ",".join(f"{v:.0f}" for v in face.box.to_list())
            click.echo(f"{source}: {face.label} {face.score:.2f} {box}")
        if result.error is not None:
            say(f"error: {result.error}", error=True)
        elif not result.faces:
            say(f"{source}: no face found")

    def close(self) -> None:
        """Do nothing: stdout stays open."""


def _written(files: list[Path]) -> str:
    if len(files) == 1:
        return str(files[0])
    folders = {file.parent for file in files}
    names = f"the folder {folders.pop()}" if len(folders) == 1 else f"{len(folders)} folders"
    return f"{len(files)} annotated pictures into {names}"
