"""The run over moving pictures: films from end to end, a camera until somebody ends it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from maskdet.detect.camera import Camera
from maskdet.detect.film import AnnotatedFilm
from maskdet.detect.live_window import LiveWindow
from maskdet.detect.pipeline import Pipeline
from maskdet.detect.run import StopRun
from maskdet.detect.sinks import Sink
from maskdet.detect.stream import Film, Frame
from maskdet.detect.track import Tracker
from maskdet.errors import InputError, OutputError
from maskdet.progress import SILENT, Progress
from maskdet.types import ImageResult

POLL_S = 0.03
"""How long a frame is waited for before the window's keys are looked at again."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Footage:
    """What became of a film or a camera's view.

    ``labels`` counts, for each label, the frames in which a face had it. ``time_s`` is the
    last frame's. ``annotated`` is the film that was written, ``error`` says what went wrong.
    """

    source: str
    frames: int = 0
    time_s: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    annotated: Path | None = None
    error: str | None = None


def detect_films(
    pipeline: Pipeline,
    films: Sequence[str],
    sinks: Sequence[Sink],
    places: Mapping[str, Path] | None = None,
    blur: bool = False,
    max_frames: int | None = None,
    report: Callable[[Footage], None] = lambda footage: None,
    progress: Progress = SILENT,
) -> list[Footage]:
    """Process films, one after the other; one that is broken does not stop the others.

    A film that is broken or cut off gives a result with an ``error`` after its last frame.
    The sinks are closed at the end, whatever ends it; an annotated film that was begun is
    finished, too.

    Args:
        pipeline: finds and classifies.
        films: paths.
        sinks: take every frame's result.
        places: by path, where the annotated film goes; None or no entry for none.
        blur: hide the faces in annotated films.
        max_frames: of each film, None for all.
        report: called with each film's footage when it is through, also when interrupted.
        progress: makes the bars, one a film.

    Returns:
        Each film that was begun, in order.
    """
    done = []
    with ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        for source in films:
            footage = Footage(source)
            done.append(footage)
            try:
                _detect_film(
                    pipeline, footage, sinks, (places or {}).get(source), blur, max_frames, progress
                )
            except StopRun:
                break
            except (InputError, OutputError) as error:
                footage.error = str(error)
            finally:
                report(footage)
    return done


def detect_camera(
    pipeline: Pipeline,
    camera: Camera,
    sinks: Sequence[Sink],
    window: LiveWindow | None = None,
    max_frames: int | None = None,
) -> Footage:
    """Process the newest frame of a camera, and again, until the window or an interrupt ends it.

    The camera, the sinks and the window are closed at the end, whatever ends it.

    Args:
        pipeline: finds and classifies.
        camera: an open one.
        sinks: take every frame's result.
        window: shows it, None for no window.
        max_frames: end after so many.

    Raises:
        OutputError: a sink cannot write.
    """
    footage = Footage(camera.name)
    tracker = Tracker()
    with ExitStack() as stack:
        takers = [*sinks, window] if window else sinks
        stack.callback(camera.close)
        for taker in takers:
            stack.callback(taker.close)
        try:
            while max_frames is None or footage.frames < max_frames:
                frame = camera.read(POLL_S)
                if frame is not None:
                    _take(pipeline, tracker, frame, footage, takers)
                elif window:
                    window.poll("waiting for the camera" if camera.broken else None)
        except StopRun:
            log.info("%s: ended after %d frames", camera.name, footage.frames)
    return footage


def _detect_film(
    pipeline: Pipeline,
    footage: Footage,
    sinks: Sequence[Sink],
    place: Path | None,
    blur: bool,
    max_frames: int | None,
    progress: Progress,
) -> None:
    name = Path(footage.source).name
    tracker = Tracker()
    try:
        film = Film(footage.source)
        with ExitStack() as stack:
            takers = list(sinks)
            if place is not None:
                annotated = AnnotatedFilm(place, film.fps, blur)
                stack.push(partial(_finish, annotated, footage))
                takers.insert(0, annotated)
            total = min((n for n in (film.length, max_frames) if n is not None), default=None)
            bar = stack.enter_context(progress(total=total, desc=name, unit="frame"))
            for frame in islice(film, max_frames):
                _take(pipeline, tracker, frame, footage, takers)
                bar.update()
    except InputError as error:
        for sink in sinks:
            sink.write(None, ImageResult(footage.source, name, 0, 0, error=str(error)))
        raise


def _finish(
    annotated: AnnotatedFilm,
    footage: Footage,
    _: object,
    error: BaseException | None,
    __: object,
) -> None:
    """Finish an annotated film, whatever ``error`` ends the run; that one goes on, not another."""
    try:
        annotated.close()
    except OutputError as failure:
        if error is None:
            raise
        footage.error = str(failure)
    if annotated.finished:
        footage.annotated = annotated.path


def _take(
    pipeline: Pipeline, tracker: Tracker, frame: Frame, footage: Footage, takers: Sequence[Sink]
) -> None:
    """Send a frame all the way."""
    result = tracker(pipeline(frame.image, footage.source, frame.number, frame.time_s))
    footage.frames += 1
    footage.time_s = frame.time_s
    footage.labels.update({face.label for face in result.faces})
    for taker in takers:
        taker.write(frame.image, result)
