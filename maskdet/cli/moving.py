"""What ``maskdet detect`` does with films and cameras, once its options are read."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from maskdet import display
from maskdet.cli.options import say
from maskdet.detect import live, sources
from maskdet.detect.camera import Camera
from maskdet.detect.film import AnnotatedFilm
from maskdet.detect.live_window import LiveWindow, counts
from maskdet.detect.pipeline import Pipeline
from maskdet.detect.run import Summary
from maskdet.detect.sinks import Sink
from maskdet.detect.window import INSTEAD
from maskdet.images import Bgr
from maskdet.progress import Progress
from maskdet.types import ImageResult


@dataclass(frozen=True, slots=True)
class View:
    """How films and cameras are shown: annotated films by source, hidden faces, an early end,
    lines on stdout."""

    places: Mapping[str, Path]
    blur: bool
    max_frames: int | None
    lines: bool


def films(
    pipeline: Pipeline,
    pictures: Sequence[sources.Picture],
    results: Sequence[Sink],
    view: View,
    show: bool,
    progress: Progress,
) -> Summary:
    """Process films and print a line for each."""
    takers = [*results]
    if show:
        display.require(INSTEAD)
        takers.append(LiveWindow(view.blur))
    summary = Summary()

    def report(footage: live.Footage) -> None:
        summary.labels.update(footage.labels)
        if view.lines and footage.frames:
            source = click.format_filename(footage.source)
            seen = ", ".join(f"{name} in {n}" for name, n in sorted(footage.labels.items()))
            length = f"{footage.frames} frames, {footage.time_s:.1f} s"
            click.echo(f"{source}: {length}: {seen or 'no face'}")
        if footage.annotated:
            say(f"wrote {footage.annotated}")
        if footage.error:
            say(f"error: {footage.error}", error=True)
            summary.failed.append(footage.source)
        else:
            summary.done += 1

    live.detect_films(
        pipeline,
        [picture.source for picture in pictures],
        takers,
        view.places,
        view.blur,
        view.max_frames,
        report,
        progress,
    )
    return summary


def camera(
    pipeline: Pipeline,
    stream: Camera,
    results: Sequence[Sink],
    view: View,
    show: bool,
    window: bool,
) -> Summary:
    """Process a camera's view until the user ends it.

    ``window`` opens one where that is possible, ``show`` insists on it. Without a window, a
    line is printed whenever the counts change.
    """
    if show:
        display.require(INSTEAD)
    elif window and not display.has_display():
        say("there is no display, so no window: Ctrl-C ends")
        window = False
    takers = [*results]
    film = None
    for place in view.places.values():
        film = AnnotatedFilm(place, blur=view.blur)
        takers.append(film)
    if view.lines and not window:
        takers.append(CountLines())
    shown = LiveWindow(view.blur, sources.camera(stream.name).inner.name) if window else None
    # Whatever ends a program without a terminal sends this; the film is to be finished then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        footage = live.detect_camera(pipeline, stream, takers, shown, view.max_frames)
    finally:
        if film and film.finished:
            say(f"wrote {film.path}")
    return Summary(done=1, labels=footage.labels)


class CountLines:
    """The sink that prints the time and the faces by class whenever their number changes."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Print a line if there is something new."""
        now = counts(result)
        if now != self._last:
            click.echo(f"{result.time_s or 0:.1f} s: {now}")
        self._last = now

    def close(self) -> None:
        """Do nothing: stdout stays open."""
