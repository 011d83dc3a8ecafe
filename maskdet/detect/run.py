"""The run over still pictures: each through the pipeline, each result to every sink."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from maskdet.detect.pipeline import Pipeline
from maskdet.detect.sinks import Sink
from maskdet.detect.sources import Picture
from maskdet.errors import InputError, OutputError
from maskdet.images import Bgr
from maskdet.progress import SILENT, Progress
from maskdet.types import ImageResult

log = logging.getLogger(__name__)


class StopRun(Exception):  # noqa: N818 - it is no error
    """Raised by a sink when the user wants no more results."""


@dataclass(slots=True)
class Summary:
    """What a run came to.

    ``labels`` counts faces by label; ``failed`` are the sources that could not be read or
    whose results could not all be written.
    """

    done: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def detect_pictures(
    pipeline: Pipeline,
    pictures: Sequence[Picture],
    sinks: Sequence[Sink],
    progress: Progress = SILENT,
) -> Summary:
    """Process pictures; one that cannot be read is a result with an ``error``, too.

    A sink that fails at one picture is reported to the log, and the run goes on. The sinks
    are closed at the end, whatever ends it.

    Raises:
        OutputError: a sink cannot be closed.
    """
    summary = Summary()
    with ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        bar = stack.enter_context(progress(pictures, desc="detect", unit="picture"))
        for picture in bar:
            image, result = _process(pipeline, picture)
            summary.labels.update(face.label for face in result.faces)
            written = True
            for sink in sinks:
                try:
                    sink.write(image, result)
                except OutputError as error:
                    log.error("%s", error)
                    written = False
                except StopRun:
                    return summary
            if result.error is None and written:
                summary.done += 1
            else:
                summary.failed.append(picture.source)
    return summary


def _process(pipeline: Pipeline, picture: Picture) -> tuple[Bgr | None, ImageResult]:
    try:
        if picture.problem is not None:
            raise InputError(picture.problem)
        image = picture.read()
    except InputError as error:
        name = picture.inner.name
        return None, ImageResult(picture.source, name, 0, 0, error=str(error))
    return image, pipeline(image, picture.source)
