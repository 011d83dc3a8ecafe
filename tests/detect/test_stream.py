from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ENOUGH_S, wait_until
from mjpeg import MjpegServer, SilentServer, number_in
from PIL import Image

from maskdet.detect import stream
from maskdet.detect.stream import Camera, Film, Frame
from maskdet.errors import CameraError, InputError
from maskdet.images import Bgr


def next_frame(camera: Camera) -> Frame:
    frame = camera.read(ENOUGH_S)
    assert frame is not None
    return frame


# Films


@pytest.mark.parametrize(
    ("name", "codec", "fps"),
    [("a.mp4", "mp4v", 25), ("a.avi", "MJPG", 10), ("a.mkv", "mp4v", 12.5), ("a.mov", "mp4v", 60)],
)
def test_a_film_gives_every_frame_once_with_its_time(
    make_film: Callable[..., Path], astronaut: Bgr, name: str, codec: str, fps: float
) -> None:
    film = Film(make_film(name, frames=12, fps=fps, codec=codec))
    assert film.fps == pytest.approx(fps, rel=1e-3)
    assert film.length == 12
    frames = list(film)
    assert [frame.number for frame in frames] == list(range(12))
    times = [frame.time_s for frame in frames]
    assert times == pytest.approx([n / fps for n in range(12)], abs=0.002)
    small = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    for number in (0, 11):
        shown = np.roll(small, 4 * number, axis=1).astype(int)
        assert np.abs(frames[number].image - shown).mean() < 8


def write_gif(path: Path, picture: Bgr, durations_ms: list[int]) -> Path:
    frames = [Image.fromarray(np.roll(picture, 9 * n, axis=1)) for n in range(len(durations_ms))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations_ms)
    return path


def test_an_animated_gif_is_a_film(tmp_path: Path, astronaut: Bgr) -> None:
    frames = list(Film(write_gif(tmp_path / "a.gif", astronaut[:64, :64], [50, 200, 100, 50])))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.05, 0.25, 0.35], abs=0.011)
    assert frames[0].image.shape == (64, 64, 3)


def test_time_goes_on_in_a_film_of_two_that_are_joined(make_film: Callable[..., Path]) -> None:
    path = make_film("a.ts", frames=8)
    path.write_bytes(2 * path.read_bytes())
    times = [frame.time_s for frame in Film(path)]
    assert times == pytest.approx([n / 25 for n in range(16)])


def collect(film: Film, frames: list[Frame]) -> None:
    for frame in film:
        frames.append(frame)


def cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("suffix", [".avi", ".gif"])
def test_of_a_film_that_is_cut_off_comes_what_is_there_and_an_error(
    make_film: Callable[..., Path], tmp_path: Path, astronaut: Bgr, suffix: str, part: float
) -> None:
    if suffix == ".gif":
        path = write_gif(tmp_path / "a.gif", astronaut[:96, :96], [40] * 50)
    else:
        path = make_film("a.avi", frames=100, codec="MJPG")
    whole = len(list(Film(path)))
    frames: list[Frame] = []
    with pytest.raises(InputError, match="cut off"):
        collect(Film(cut(path, part)), frames)
    assert 0.3 * whole < len(frames) < whole


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"", "is empty"),
        (b"This is a text and no film.\n" * 100, "is not a film"),
        (bytes(range(256)) * 100, "is not a film"),
        (b"\0\0\0\x20ftypisom" + bytes(500), "is not a film"),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.gif"])
def test_what_is_no_film(tmp_path: Path, content: bytes | None, message: str, name: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(Film(path))


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        Film(tmp_path)


def test_a_film_with_a_hole_gives_the_rest_and_a_message(
    make_film: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = make_film(frames=100)
    data = bytearray(path.read_bytes())
    middle, index = len(data) // 2, data.rindex(b"moov") - 4
    data[middle:index] = bytes(index - middle)
    path.write_bytes(data)
    assert 30 < len(list(Film(path))) < 80
    assert "of 4.0 s" in caplog.text


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "frames"),
    [("916241958_mask.mp4", 234), ("diazoniclabs_mask.mp4", 414), ("intel_classroom.gif", 45)],
)
def test_films_of_the_corpus(corpus: Path, name: str, frames: int) -> None:
    times = [frame.time_s for frame in Film(corpus / "videos" / name)]
    assert len(times) == frames
    assert times == sorted(set(times))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["916241958_mask.mp4", "intel_classroom.gif"])
def test_films_of_the_corpus_that_are_cut_off(corpus: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((corpus / "videos" / name).read_bytes())
    with pytest.raises(InputError, match="cut off"):
        list(Film(cut(path, 0.5)))


# Cameras


def test_a_camera_gives_no_frame_twice(mjpeg: MjpegServer) -> None:
    with Camera(mjpeg.url) as camera:
        frames = [next_frame(camera) for _ in range(20)]
    assert frames[0].time_s == 0
    for earlier, later in pairwise(frames):
        assert later.number > earlier.number
        assert later.time_s > earlier.time_s
    assert len({number_in(frame.image) for frame in frames}) == 20


def test_a_slow_reader_gets_the_newest_frame(mjpeg: MjpegServer) -> None:
    with Camera(mjpeg.url) as camera:
        next_frame(camera)
        sent = mjpeg.sent
        wait_until(lambda: mjpeg.sent > sent + 50)
        frame = next_frame(camera)
        behind = mjpeg.sent - number_in(frame.image)
    assert behind < 25
    assert frame.number > 25


def test_without_a_new_frame_the_wait_ends(mjpeg: MjpegServer) -> None:
    mjpeg.silent_after = 30
    with Camera(mjpeg.url) as camera:
        while camera.read(0.5) is not None:
            pass
        assert camera.read(0.01) is None
        assert not camera.broken


def test_a_stream_that_breaks_is_opened_again(
    mjpeg: MjpegServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.02)
    with Camera(mjpeg.url) as camera:
        first = next_frame(camera)
        for _ in range(2):
            caplog.clear()
            mjpeg.stop()
            wait_until(lambda: caplog.text.count("still away, next try in") >= 2)
            assert camera.broken
            mjpeg.start()
            wait_until(lambda: not camera.broken)
            camera.read(0)  # may be from before
            later = next_frame(camera)
            assert later.number > first.number
            assert later.time_s > first.time_s
            first = later
            pauses = [r.args[1] for r in caplog.records if "next try" in r.msg and r.args]  # type: ignore[index]
            assert pauses[:2] == [0.04, 0.08]
            assert caplog.messages[0].endswith("broke off, opening it again")
            assert caplog.messages[-1].endswith("is back")
            assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_stream_that_goes_silent_is_opened_again(mjpeg: MjpegServer) -> None:
    mjpeg.silent_after = 30
    with Camera(mjpeg.url, timeout_s=1) as camera:
        connected = mjpeg.connections
        wait_until(lambda: camera.broken)
        wait_until(lambda: mjpeg.connections > connected and not camera.broken)
        assert next_frame(camera).number > 0


def test_a_film_is_finished_while_a_stream_waits_for_its_host(
    mjpeg: MjpegServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    make_film: Callable[..., Path],
) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.02)
    film = make_film(frames=3)
    with Camera(mjpeg.url, timeout_s=5) as camera:
        mjpeg.stop()
        silent = SilentServer(mjpeg.port)
        with silent.wait_for_client():
            tries = caplog.text.count("still away")
            assert len(list(Film(film))) == 3
            assert camera.broken
            assert caplog.text.count("still away") == tries
        silent.stop()


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_host_that_never_answers_is_given_up(silent_port: int, scheme: str) -> None:
    with pytest.raises(CameraError, match="cannot be opened"):
        Camera(f"{scheme}://127.0.0.1:{silent_port}/", timeout_s=0.5)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("87", r"camera 87 cannot be opened.*--webcam 1"),
        ("/dev/video87", "no camera's number, device"),
        ("/dev/null", "/dev/null cannot be opened"),
        ("ftp://127.0.0.1/", "no camera's number, device"),
        ("", "no camera's number, device"),
        ("http://user:secret@127.0.0.1:1/", r"http://\*\*\*@127.0.0.1:1/ cannot be opened"),
        (__file__, "It is a file: give it with --video"),
    ],
)
def test_a_camera_that_cannot_be_opened(source: str, message: str) -> None:
    with pytest.raises(CameraError, match=message) as caught:
        Camera(source)
    assert "secret" not in str(caught.value)


def test_an_error_of_the_reading_thread_reaches_the_caller(
    mjpeg: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = cv2.VideoCapture

    class Failing:
        def __init__(self, *arguments: object) -> None:
            self.capture = opened(*arguments)  # type: ignore[call-overload]
            self.count = 0

        def read(self) -> tuple[bool, Bgr]:
            self.count += 1
            if self.count > 3:
                raise MemoryError("too large a frame")
            return self.capture.read()  # type: ignore[no-any-return]

        def __getattr__(self, name: str) -> object:
            return getattr(self.capture, name)

    monkeypatch.setattr(cv2, "VideoCapture", Failing)
    with Camera(mjpeg.url) as camera:
        wait_until(lambda: not camera._thread.is_alive())
        with pytest.raises(MemoryError, match="too large"):
            camera.read(0)


@pytest.mark.parametrize("broken", [False, True])
def test_closing_ends_the_thread(mjpeg: MjpegServer, broken: bool) -> None:
    camera = Camera(mjpeg.url)
    if broken:
        mjpeg.stop()
        wait_until(lambda: camera.broken)
    camera.close()
    wait_until(lambda: not camera._thread.is_alive())
