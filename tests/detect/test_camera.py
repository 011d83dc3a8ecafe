from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import pytest
from conftest import ENOUGH_S, wait_until
from mjpeg import MjpegServer, SilentServer, number_in

from maskdet.detect import camera as camera_module
from maskdet.detect.camera import Camera, without_password
from maskdet.detect.stream import Film, Frame
from maskdet.errors import CameraError
from maskdet.images import Bgr


def next_frame(camera: Camera) -> Frame:
    frame = camera.read(ENOUGH_S)
    assert frame is not None
    return frame


def test_a_camera_gives_no_frame_twice(mjpeg: MjpegServer) -> None:
    with Camera(mjpeg.url) as camera:
        frames = [next_frame(camera) for _ in range(20)]
    assert frames[0].time_s >= 0  # more where a newer one has taken the first one's place
    for earlier, later in pairwise(frames):
        assert later.number > earlier.number
        assert later.time_s > earlier.time_s
    assert len({number_in(frame.image) for frame in frames}) == 20


def test_a_slow_reader_gets_the_newest_frame(mjpeg: MjpegServer) -> None:
    mjpeg.silent_after = 100
    with Camera(mjpeg.url) as camera:
        next_frame(camera)
        # The decoder holds some back, as many as there are cores.
        wait_until(lambda: camera._newest is not None and camera._newest.number >= 60)
        frame = next_frame(camera)
    assert frame.number >= 60
    assert number_in(frame.image) >= 60


def test_without_a_new_frame_the_wait_ends(mjpeg: MjpegServer) -> None:
    mjpeg.silent_after = 30
    with Camera(mjpeg.url, timeout_s=ENOUGH_S) as camera:
        wait_until(lambda: camera.read(0.1) is None)
        assert not camera.broken


def test_a_stream_that_breaks_is_opened_again(
    mjpeg: MjpegServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(camera_module, "FIRST_PAUSE_S", 0.02)
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
    monkeypatch.setattr(camera_module, "FIRST_PAUSE_S", 0.02)
    film = make_film(frames=3)
    with Camera(mjpeg.url, timeout_s=ENOUGH_S) as camera:
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


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("0", "0"),
        ("/dev/video0", "/dev/video0"),
        ("what?.mp4", "what?.mp4"),
        ("http://cam.local:81/a/b.cgi", "http://cam.local:81/a/b.cgi"),
        ("rtsp://user:secret@cam/a", "rtsp://***@cam/a"),
        ("rtsp://user:sec@ret@cam/a@b", "rtsp://***@cam/a@b"),
        ("http://cam/video.cgi?user=a&pwd=secret", "http://cam/video.cgi?..."),
        ("http://user@cam?mail=a@b/secret", "http://***@cam?..."),
    ],
)
def test_what_is_secret_in_an_address_is_not_shown(source: str, shown: str) -> None:
    assert without_password(source) == shown
