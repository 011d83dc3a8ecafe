from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from itertools import pairwise
from pathlib import Path

import cv2
import pytest
from mjpeg import MjpegServer

from maskdet.detect import camera as camera_module
from maskdet.detect.camera import Camera
from maskdet.detect.film import AnnotatedFilm
from maskdet.detect.live import Footage, detect_camera, detect_films
from maskdet.detect.live_window import FrameRate, counts
from maskdet.detect.pipeline import Pipeline, load_pipeline
from maskdet.detect.run import StopRun
from maskdet.detect.stream import Film
from maskdet.errors import OutputError
from maskdet.images import Bgr
from maskdet.types import Box, ImageResult, Prediction


@pytest.fixture(scope="module")
def pipeline(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The real face detector, and a classifier that takes every face for one without a mask."""
    model = make_model(tmp_path_factory.mktemp("model") / "bare", bias=[0, 4, 0])
    # As films are looked at, and without what is seen on an astronaut's shoulder.
    return load_pipeline(model, "ssd", min_score=0.6, moving=True)


class Kept:
    """A sink that keeps all it gets; it may end the run or fail at a frame."""

    def __init__(self, at: int = -1, error: Exception | None = None) -> None:
        self.images: list[Bgr | None] = []
        self.results: list[ImageResult] = []
        self.closed = 0
        self._at, self._error = at, error

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        self.images.append(image)
        self.results.append(result)
        if self._error and len(self.results) == self._at:
            raise self._error

    def close(self) -> None:
        self.closed += 1


def test_a_film_frame_by_frame(
    pipeline: Pipeline, make_film: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_film(frames=6)
    kept = Kept()
    place = tmp_path / "out" / "film.maskdet.mp4"
    (footage,) = detect_films(pipeline, [str(path)], [kept], {str(path): place})
    assert footage == Footage(str(path), 6, 0.2, {"without_mask": 6}, place)
    assert kept.closed == 1
    assert [result.frame for result in kept.results] == list(range(6))
    assert [result.time_s for result in kept.results] == pytest.approx([n / 25 for n in range(6)])
    lefts = []
    for image, result in zip(kept.images, kept.results, strict=True):
        assert image is not None
        assert image.shape == (320, 320, 3)
        assert (result.source, result.image) == (str(path), "film.mp4")
        (face,) = result.faces
        assert face.label == "without_mask"
        lefts.append(face.box.x1)
    assert lefts[-1] - lefts[0] == pytest.approx(20, abs=6)
    assert len(list(Film(place))) == 6


def test_broken_films_do_not_stop_the_others(
    pipeline: Pipeline, make_film: Callable[..., Path], tmp_path: Path
) -> None:
    good, short, text = make_film("a.mp4", 3), make_film("b.avi", 40, codec="MJPG"), tmp_path / "c"
    short.write_bytes(short.read_bytes()[: short.stat().st_size // 5])
    text.write_text("no film")
    films = [str(path) for path in (tmp_path / "missing.mp4", text, short, good)]
    reported: list[Footage] = []
    kept = Kept()
    places = {film: tmp_path / f"{number}.mp4" for number, film in enumerate(films)}
    done = detect_films(pipeline, films, [kept], places, report=reported.append)
    assert done == reported
    assert [footage.source for footage in done] == films
    assert [footage.error is None for footage in done] == [False, False, False, True]
    assert "cut off" in (done[2].error or "")
    assert 0 < done[2].frames < 40
    assert [footage.annotated for footage in done] == [
        None,
        None,
        places[films[2]],
        places[films[3]],
    ]
    errors = [result for result in kept.results if result.error is not None]
    assert [(result.source, result.image, result.faces) for result in errors] == [
        (films[0], "missing.mp4", ()),
        (films[1], "c", ()),
        (films[2], "b.avi", ()),
    ]
    assert len(kept.results) == 3 + done[2].frames + 3


def test_a_film_may_end_early(pipeline: Pipeline, make_film: Callable[..., Path]) -> None:
    films = [str(make_film("a.mp4", 5)), str(make_film("b.mp4", 2))]
    done = detect_films(pipeline, films, [], max_frames=3)
    assert [(footage.frames, footage.error) for footage in done] == [(3, None), (2, None)]


@pytest.mark.parametrize("end", [StopRun(), KeyboardInterrupt()])
def test_what_ends_a_run_leaves_a_finished_film(
    pipeline: Pipeline, make_film: Callable[..., Path], tmp_path: Path, end: BaseException
) -> None:
    films = [str(make_film("a.mp4", 5)), str(make_film("b.mp4", 5))]
    kept = Kept(3, end)  # type: ignore[arg-type]
    reported: list[Footage] = []
    places = {films[0]: tmp_path / "out.mp4"}
    with suppress(KeyboardInterrupt):
        detect_films(pipeline, films, [kept], places, report=reported.append)
    assert kept.closed == 1
    assert [footage.frames for footage in reported] == [3]
    assert reported[0].annotated == places[films[0]]
    assert len(list(Film(places[films[0]]))) == 3


@pytest.mark.parametrize("end", [StopRun(), KeyboardInterrupt()])
def test_what_ends_a_run_ends_it_where_the_film_cannot_be_finished(
    pipeline: Pipeline,
    make_film: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: BaseException,
) -> None:
    films = [str(make_film("a.mp4", 5)), str(make_film("b.mp4", 5))]
    close = AnnotatedFilm.close

    def fail(film: AnnotatedFilm) -> None:
        close(film)
        raise OutputError("no space")

    monkeypatch.setattr(AnnotatedFilm, "close", fail)
    reported: list[Footage] = []
    with nullcontext() if isinstance(end, StopRun) else pytest.raises(KeyboardInterrupt):
        detect_films(
            pipeline,
            films,
            [Kept(3, end)],  # type: ignore[arg-type]
            {films[0]: tmp_path / "out.mp4"},
            report=reported.append,
        )
    assert [(footage.source, footage.error) for footage in reported] == [(films[0], "no space")]


def test_a_film_whose_results_cannot_be_written_fails_and_the_next_goes_on(
    pipeline: Pipeline, make_film: Callable[..., Path]
) -> None:
    films = [str(make_film("a.mp4", 3)), str(make_film("b.mp4", 3))]
    done = detect_films(pipeline, films, [Kept(2, OutputError("cannot write it"))])
    assert [footage.error for footage in done] == ["cannot write it", None]


def test_labels_are_smoothed(
    make_model: Callable[..., Path], tmp_path: Path, astronaut: Bgr
) -> None:
    # Bright pictures are taken for masks. Of twelve frames two are bright.
    model = make_model(tmp_path / "m", weights=[[9, 0, 0]] * 3, bias=[-17, 0, -30])
    path = tmp_path / "film.mp4"
    small = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (320, 320))
    for number in range(12):
        writer.write(cv2.convertScaleAbs(small, alpha=1.0, beta=60 if number in (4, 8) else -20))
    writer.release()
    bright = load_pipeline(model)
    raw = [bright(frame.image).faces[0].label for frame in Film(path)]
    assert [n for n, label in enumerate(raw) if label == "with_mask"] == [4, 8]
    kept = Kept()
    detect_films(bright, [str(path)], [kept])
    assert {result.faces[0].label for result in kept.results} == {"without_mask"}


@pytest.mark.corpus
def test_labels_settle_on_people_who_put_masks_on(corpus: Path) -> None:
    film = corpus / "videos" / "916241958_mask.mp4"
    raw = load_pipeline()
    kept = Kept()
    detect_films(raw, [str(film)], [kept], max_frames=60)
    smooth = [result.faces[0].label for result in kept.results if result.faces]
    changes = sum(a != b for a, b in pairwise(smooth))
    assert len(smooth) > 50
    assert smooth[0] == "without_mask"
    assert smooth[-1] != "without_mask"
    assert changes <= 4


# Cameras


def test_a_camera_until_enough(pipeline: Pipeline, mjpeg: MjpegServer) -> None:
    kept = Kept()
    camera = Camera(mjpeg.url)
    footage = detect_camera(pipeline, camera, [kept], max_frames=5)
    assert (footage.source, footage.frames) == (mjpeg.url, 5)
    assert footage.labels == {"without_mask": 5}
    frames = [result.frame for result in kept.results]
    assert len(frames) == 5
    assert frames == sorted(set(frames))
    assert footage.time_s == kept.results[-1].time_s
    assert kept.closed == 1
    camera._thread.join(30)
    assert not camera._thread.is_alive()


def test_a_camera_goes_on_after_a_break(
    pipeline: Pipeline,
    mjpeg: MjpegServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(camera_module, "FIRST_PAUSE_S", 0.05)

    class Breaking(Kept):
        def write(self, image: Bgr | None, result: ImageResult) -> None:
            super().write(image, result)
            if len(self.results) == 3:
                mjpeg.stop()
                threading.Timer(0.5, mjpeg.start).start()

    kept = Breaking()
    detect_camera(pipeline, Camera(mjpeg.url), [kept], max_frames=10)
    assert len(kept.results) == 10
    assert "broke off" in caplog.text
    assert "is back" in caplog.text


@pytest.mark.parametrize("error", [OutputError("cannot write it"), KeyboardInterrupt()])
def test_what_ends_a_camera_closes_everything(
    pipeline: Pipeline, mjpeg: MjpegServer, error: BaseException
) -> None:
    first, failing = Kept(), Kept(2, error)  # type: ignore[arg-type]
    camera = Camera(mjpeg.url)
    with pytest.raises(type(error)):
        detect_camera(pipeline, camera, [first, failing])
    assert (first.closed, failing.closed) == (1, 1)
    camera._thread.join(30)
    assert not camera._thread.is_alive()


# What is written on the picture


@pytest.mark.parametrize("fps", [0.5, 4, 30])
def test_frame_rate(fps: float) -> None:
    rate = FrameRate()
    assert rate.fps == 0
    for number in range(20):
        rate.tick(100 + number / fps)
    assert rate.fps == pytest.approx(fps)
    for number in range(round(5 * fps * 2)):
        rate.tick(100 + 20 / fps + number / (2 * fps))
    assert rate.fps == pytest.approx(2 * fps, rel=0.05)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([], "no face"),
        (["without_mask"], "1 no mask"),
        (
            ["mask_worn_incorrectly", "without_mask", "with_mask", "with_mask"],
            "2 mask, 1 no mask, 1 incorrect",
        ),
        (["other", "with_mask"], "1 mask, 1 other"),
    ],
)
def test_counts(labels: list[str], text: str) -> None:
    faces = tuple(Prediction(Box(0, 0, 9, 9), 1, label, 1, {label: 1}) for label in labels)
    assert counts(ImageResult("a", "a", 9, 9, faces)) == text
