from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from conftest import ModelMaker

from maskdet.detect.pipeline import Pipeline, load_pipeline
from maskdet.detect.run import StopRun, detect_pictures
from maskdet.detect.sources import Picture, expand
from maskdet.errors import OutputError
from maskdet.images import Bgr
from maskdet.types import ImageResult


@pytest.fixture
def pipeline(tmp_path: Path, make_model: ModelMaker) -> Pipeline:
    return load_pipeline(make_model(tmp_path / "model", bias=[5, 0, 0]))


class Kept:
    """A sink that keeps what it gets, and fails or stops at some sources."""

    def __init__(self, fails: str = "", stops: str = "") -> None:
        self.got: list[tuple[Bgr | None, ImageResult]] = []
        self.closed = 0
        self._fails, self._stops = fails, stops

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        if result.source == self._fails:
            raise OutputError(f"no room for {result.source}")
        self.got.append((image, result))
        if result.source == self._stops:
            raise StopRun

    def close(self) -> None:
        self.closed += 1


def pictures(astronaut_jpg: Path) -> list[Picture]:
    broken = astronaut_jpg.with_name("broken.jpg")
    broken.write_bytes(astronaut_jpg.read_bytes()[:2000])
    return expand([str(broken), "missing.jpg", str(astronaut_jpg)])


def test_what_cannot_be_read_is_a_result_and_the_run_goes_on(
    pipeline: Pipeline, astronaut_jpg: Path
) -> None:
    sink = Kept()
    inputs = pictures(astronaut_jpg)
    summary = detect_pictures(pipeline, inputs, [sink])
    images, results = zip(*sink.got, strict=True)
    assert [result.source for result in results] == [picture.source for picture in inputs]
    assert [result.image for result in results] == ["broken.jpg", "missing.jpg", "astronaut.jpg"]
    assert [image is None for image in images] == [True, True, False]
    assert "truncated" in results[0].error
    assert results[1].error == "there is no file or folder missing.jpg"
    assert results[2].error is None
    assert (results[0].faces, results[0].width, results[0].height) == ((), 0, 0)
    assert (results[2].width, results[2].height) == (512, 512)
    assert images[2].dtype == np.uint8
    assert summary.done == 1
    assert summary.labels == {"with_mask": 1}
    assert summary.failed == [picture.source for picture in inputs[:2]]
    assert sink.closed == 1


def test_a_sink_that_fails_hinders_neither_the_others_nor_the_run(
    pipeline: Pipeline, astronaut_jpg: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = Kept(fails="-"), Kept()
    inputs = [*expand(["-"], astronaut_jpg.read_bytes()), *expand([str(astronaut_jpg)])]
    with caplog.at_level(logging.ERROR):
        summary = detect_pictures(pipeline, inputs, [failing, other])
    assert (len(failing.got), len(other.got)) == (1, 2)
    assert (summary.done, summary.failed) == (1, ["-"])
    assert summary.labels["with_mask"] == 2
    assert caplog.messages == ["no room for -"]


def test_a_sink_may_end_the_run(pipeline: Pipeline, astronaut_jpg: Path) -> None:
    inputs = pictures(astronaut_jpg)
    sinks = [Kept(stops="missing.jpg"), Kept()]
    summary = detect_pictures(pipeline, inputs, sinks)
    assert [len(sink.got) for sink in sinks] == [2, 1]
    assert [sink.closed for sink in sinks] == [1, 1]
    assert summary.done == 0


def test_sinks_are_closed_when_the_user_interrupts(
    pipeline: Pipeline, astronaut_jpg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "__call__", interrupt)
    sinks = [Kept(), Kept()]
    with pytest.raises(KeyboardInterrupt):
        detect_pictures(pipeline, expand([str(astronaut_jpg)]), sinks)
    assert [sink.closed for sink in sinks] == [1, 1]


def test_nothing_to_do_is_no_failure(pipeline: Pipeline) -> None:
    summary = detect_pictures(pipeline, [], [])
    assert (summary.done, summary.failed, dict(summary.labels)) == (0, [], {})
