from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import ENOUGH_S, Spawn, wait_until
from mjpeg import MjpegServer
from screen import Screen

from maskdet import files, images
from maskdet.cli import main
from maskdet.detect.film import LIVE_FPS
from maskdet.detect.stream import Film

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def bare_model(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes every face for one without a mask."""
    return make_model(tmp_path_factory.mktemp("model") / "bare", bias=[0, 4, 0])


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    # The command takes SIGTERM for Ctrl-C; the test run shall not.
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(signal, "signal", signal.signal)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def detect(runner: CliRunner, bare_model: Path) -> Run:
    """Calls ``maskdet detect`` in this process."""

    def run(*arguments: str) -> Result:
        return runner.invoke(main, ["detect", *arguments, "--model", str(bare_model)])

    return run


@pytest.fixture
def start(spawn: Spawn, bare_model: Path) -> Spawn:
    """Starts ``maskdet detect`` in a process of its own."""
    return partial(spawn, "detect", "--model", str(bare_model))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def listing(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def next_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


# Films


def test_the_plain_call_annotates_the_film(detect: Run, make_film: Callable[..., Path]) -> None:
    film = make_film("street.mp4", 5)
    result = detect("--video", "street.mp4")
    assert result.exit_code == 0, result.output
    assert result.stdout == "street.mp4: 5 frames, 0.2 s: without_mask in 5\n"
    assert result.stderr == "maskdet: wrote street.maskdet.mp4\n"
    assert len(list(Film("street.maskdet.mp4"))) == 5
    assert listing() == ["street.maskdet.mp4", film.name]


def test_json_is_a_line_a_frame_and_nothing_else(
    detect: Run, make_film: Callable[..., Path]
) -> None:
    make_film("street.mp4", 4)
    result = detect("--video", "street.mp4", "--json")
    assert result.exit_code == 0
    found = lines(result.stdout)
    assert [(line["frame"], line["time_s"]) for line in found] == [
        (0, 0.0), (1, 0.04), (2, 0.08), (3, 0.12)
    ]  # fmt: skip
    assert {line["faces"][0]["label"] for line in found} == {"without_mask"}
    assert listing() == ["street.mp4"]


def test_several_films_one_of_them_broken(detect: Run, make_film: Callable[..., Path]) -> None:
    make_film("a.mp4", 2)
    make_film("b.mp4", 3)
    Path("broken.mp4").write_bytes(b"\0no film")
    result = detect("--video", "a.mp4", "broken.mp4", "--video", "b.mp4", "--out", "out")
    assert result.exit_code == 3
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["a.mp4", "b.mp4"]
    assert "maskdet: error: broken.mp4 is not a film that can be read" in result.stderr
    assert "maskdet: 1 of 3 inputs could not be processed" in result.stderr
    assert listing("out") == ["a.maskdet.mp4", "b.maskdet.mp4"]


def test_a_broken_film_is_a_line_of_json(detect: Run) -> None:
    Path("broken.mp4").write_bytes(b"\0no film")
    result = detect("--video", "broken.mp4", "--json")
    assert result.exit_code == 3
    (line,) = lines(result.stdout)
    assert (line["source"], line["faces"], line["frame"]) == ("broken.mp4", [], None)
    assert "is not a film" in line["error"]


def test_everything_at_once(detect: Run, make_film: Callable[..., Path]) -> None:
    make_film("a.mp4", 3)
    result = detect(
        *("--video", "a.mp4", "--out", "a.avi", "--json", "--csv", "a.csv"),
        *("--save-crops", "crops", "--max-frames", "2", "--fail-on", "without_mask"),
        *("--min-score", "0.6"),
    )
    assert result.exit_code == 10
    assert len(lines(result.stdout)) == 2
    assert len(list(Film("a.avi"))) == 2
    assert Path("a.csv").read_text().count("without_mask") == 2
    assert len(list(Path("crops/without_mask").iterdir())) == 2


@pytest.mark.parametrize(("name", "code"), [("without_mask", 10), ("with_mask", 0)])
def test_fail_on(detect: Run, make_film: Callable[..., Path], name: str, code: int) -> None:
    make_film("a.mp4", 2)
    assert detect("--video", "a.mp4", "--fail-on", name).exit_code == code


def test_blur_hides_faces_in_the_film(detect: Run, make_film: Callable[..., Path]) -> None:
    film = make_film("a.mp4", 2)
    for name, more in (("clear", []), ("blurred", ["--blur"])):
        assert detect("--video", "a.mp4", "--out", f"{name}.mp4", *more).exit_code == 0
    part = (slice(60, 110), slice(120, 160))
    original, clear, blurred = (
        next(iter(Film(path))).image[part].astype(int)
        for path in (film, "clear.mp4", "blurred.mp4")
    )
    assert abs(clear - original).mean() < 8 < 12 < abs(blurred - original).mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--video", "a.mp4", "--image", "a.jpg"], "exclude each other"),
        (["--video", "a.mp4", "--webcam"], "exclude each other"),
        (["--webcam", "0", "a.mp4"], "--webcam takes one source"),
        (["--video", "a.mp4", "--no-window"], "--no-window is for --webcam"),
        (["--image", "a.jpg", "--max-frames", "3"], "--max-frames is for"),
        (["--webcam", "--max-frames", "0"], "0 is not in the range"),
        (["--webcam", "--show", "--no-window"], "--no-window is for"),
        (["--video", "a.mp4", "--out", "a.webm"], "a.webm is no folder that exists"),
        (["--video", "a.mp4", "b.mp4", "--out", "c.mp4"], "names one file"),
        (["--video", "a.mp4", "--out", "a.mp4"], "is an input"),
        (["--video", "a.mp4", "--csv", "./a.mp4"], "is an input"),
        (["--webcam", "--no-window", "--blur"], "--blur needs a picture"),
    ],
)
def test_wrong_usage(detect: Run, arguments: list[str], message: str) -> None:
    result = detect(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_film_with_a_name_that_is_no_utf_8(start: Spawn, make_film: Callable[..., Path]) -> None:
    name = os.fsdecode(b"\xff.mp4")
    make_film("film.mp4", 2).rename(name)
    process = start("--video", name)
    process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert len(list(Film(Path(name).with_suffix(".maskdet.mp4")))) == 2


def test_show_needs_a_display(detect: Run, make_film: Callable[..., Path]) -> None:
    make_film("a.mp4", 2)
    Path("b.csv").write_text("of the last run")
    result = detect("--video", "a.mp4", "--show", "--csv", "b.csv")
    assert result.exit_code == 3
    assert "no window can be opened here" in result.stderr
    assert listing() == ["a.mp4", "b.csv"]
    assert Path("b.csv").read_text() == "of the last run"


# Cameras without a window


def test_a_camera_that_is_not_there(detect: Run) -> None:
    result = detect("--webcam", "--csv", "a.csv")
    assert result.exit_code == 5
    assert "maskdet: error: camera 0 cannot be opened" in result.stderr
    assert "--webcam 1" in result.stderr
    assert listing() == []


def test_a_camera_for_some_frames(detect: Run, mjpeg: MjpegServer) -> None:
    result = detect(
        *("--webcam", mjpeg.url, "--max-frames", "4", "--json", "--fail-on", "without_mask"),
        *("--out", "view.mp4"),
    )
    assert result.exit_code == 10
    found = lines(result.stdout)
    assert len(found) == 4
    assert {line["source"] for line in found} == {mjpeg.url}
    assert "no display, so no window" in result.stderr
    assert "maskdet: wrote view.mp4" in result.stderr
    film = Film("view.mp4")
    assert film.fps == 25
    duration = len(list(film)) / 25
    assert duration == pytest.approx(found[-1]["time_s"] - found[0]["time_s"], abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-window", "--csv", "file/a.csv"], "cannot create the folder file: "),
        (["--no-window", "--save-crops", "file/crops"], "cannot create the folder file/crops"),
        (["--show", "--csv", "a.csv"], "no window can be opened here"),
    ],
)
def test_a_run_that_cannot_begin_lets_go_of_the_camera(
    start: Spawn, mjpeg: MjpegServer, arguments: list[str], message: str
) -> None:
    Path("file").touch()
    process = start("--webcam", mjpeg.url, *arguments)
    output, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 3
    assert output == ""
    assert messages.startswith(f"maskdet: error: {message}")
    assert len(messages.splitlines()) == 1
    assert listing() == ["file"]


def test_an_address_is_shown_without_its_secrets(start: Spawn, mjpeg: MjpegServer) -> None:
    address = mjpeg.url.replace("://", "://user:secret@") + "?pwd=secret"
    process = start(
        *("--webcam", address, "--max-frames", "2", "--no-window", "--json"),
        *("--csv", "a.csv", "--out", "films", "--save-crops", "crops"),
    )
    output, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert {line["source"] for line in lines(output)} == {
        mjpeg.url.replace("://", "://***@") + "?..."
    }
    names = [str(path) for path in Path().rglob("*")]
    assert len(names) >= 6
    assert "secret" not in f"{output}{messages}{names}{Path('a.csv').read_text()}"


def test_a_line_whenever_the_counts_change(detect: Run, mjpeg: MjpegServer) -> None:
    result = detect("--webcam", mjpeg.url, "--max-frames", "4", "--no-window")
    assert result.exit_code == 0
    assert re.fullmatch(r"\d+\.\d s: 1 no mask\n", result.stdout)
    assert result.stderr == ""


def test_a_camera_s_film_in_a_folder(detect: Run, mjpeg: MjpegServer) -> None:
    detect("--webcam", mjpeg.url, "--max-frames", "1", "--no-window", "--out", "films")
    (film,) = Path("films").iterdir()
    assert film.name.startswith("127-0-0-1-")
    assert film.name.endswith("-camera.maskdet.mp4")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_cleanly(start: Spawn, mjpeg: MjpegServer, how: signal.Signals) -> None:
    process = start("--webcam", mjpeg.url, "--no-window", "--json", "--out", "a.mp4", "--csv", "a")
    first, second, _ = (next_line(process)["time_s"] for _ in range(3))
    process.send_signal(how)
    rest, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 130
    assert messages == "maskdet: wrote a.mp4\nmaskdet: interrupted\n"
    # Of frames that come faster than the film's, not each is in it.
    assert len(list(Film("a.mp4"))) >= max(1, (second - first) * LIVE_FPS)
    assert len(Path("a").read_text().splitlines()) >= 3
    assert listing() == ["a", "a.mp4"]
    lines(rest)


def test_a_killed_run_leaves_no_half_film(start: Spawn, mjpeg: MjpegServer) -> None:
    process = start("--webcam", mjpeg.url, "--no-window", "--json", "--out", "a.mp4")
    next_line(process)
    process.kill()
    process.wait()
    assert not Path("a.mp4").exists()


def test_a_stream_that_comes_back(start: Spawn, mjpeg: MjpegServer) -> None:
    process = start("--webcam", mjpeg.url, "--no-window", "--json")
    before = next_line(process)
    mjpeg.stop()
    assert process.stderr is not None
    assert process.stderr.readline() == f"maskdet: {mjpeg.url} broke off, opening it again\n"
    assert process.stderr.readline() == f"maskdet: {mjpeg.url} is still away, next try in 1 s\n"
    mjpeg.start()
    while "still away" in (line := process.stderr.readline()):
        pass
    assert line == f"maskdet: {mjpeg.url} is back\n"
    for _ in range(10):
        after = next_line(process)
    assert after["frame"] > before["frame"]
    assert after["time_s"] > before["time_s"]
    process.send_signal(signal.SIGINT)
    assert process.wait(ENOUGH_S) == 130


def test_a_reader_that_goes_ends_the_run_without_a_traceback(
    start: Spawn, mjpeg: MjpegServer
) -> None:
    process = start("--webcam", mjpeg.url, "--no-window", "--json", "--out", "a.mp4")
    next_line(process)
    assert process.stdout is not None
    process.stdout.close()
    process.wait(ENOUGH_S)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert Path("a.mp4").exists()


# Windows


@pytest.mark.window
def test_a_camera_in_a_window(start: Spawn, mjpeg: MjpegServer, screen: Screen) -> None:
    process = start("--webcam", mjpeg.url, "--out", "a.mp4", environment=screen.environment)
    window = screen.wait_for_window("camera - maskdet")
    part = np.s_[40:300, 40:300]
    camera = mjpeg.picture[part].astype(int)

    def is_shown() -> bool:
        difference = abs(screen.picture()[part] - camera).mean()
        if difference > 50:
            screen.remap(window)
        return bool(difference < 15)

    wait_until(is_shown)
    for key in ("Left", "Right"):
        screen.press(window, key)
        time.sleep(1)  # of keys that come together, a window sees only the last one
    screen.press(window, "s")
    assert process.stderr is not None
    saved = process.stderr.readline().split()[-1]
    assert images.read(saved).shape == (320, 320, 3)
    screen.press(window, "q")
    rest, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert (rest, messages) == ("", "maskdet: wrote a.mp4\n")
    assert listing() == sorted([saved, "a.mp4"])


@pytest.mark.window
def test_the_window_lives_while_the_camera_is_away(
    start: Spawn, mjpeg: MjpegServer, screen: Screen
) -> None:
    process = start("--webcam", mjpeg.url, environment=screen.environment)
    window = screen.wait_for_window("camera - maskdet")
    mjpeg.stop()
    assert process.stderr is not None
    assert "broke off" in process.stderr.readline()
    screen.press(window, "Escape")
    assert process.wait(ENOUGH_S) == 0


@pytest.mark.window
def test_closing_the_window_ends(start: Spawn, mjpeg: MjpegServer, screen: Screen) -> None:
    process = start("--webcam", mjpeg.url, environment=screen.environment)
    screen.close(screen.wait_for_window("camera - maskdet"))
    assert process.wait(ENOUGH_S) == 0


@pytest.mark.window
@pytest.mark.parametrize("name", ["a.mp4", os.fsdecode(b"a\xff.mp4")], ids=ascii)
def test_a_film_in_a_window(
    start: Spawn, make_film: Callable[..., Path], screen: Screen, name: str
) -> None:
    make_film("film.mp4", frames=400).rename(name)
    process = start("--video", name, "--show", environment=screen.environment)
    screen.press(screen.wait_for_window("^a.*mp4 - maskdet$"), "q")
    output, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert output.startswith(f"{files.readable(name)}: ")
    assert messages == ""
