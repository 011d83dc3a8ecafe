from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maskdet.detect.stream import Film, Frame
from maskdet.errors import InputError
from maskdet.images import Bgr


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


def test_a_film_in_a_pipe_is_refused_as_that() -> None:
    pipe, end = os.pipe()
    os.write(end, bytes(range(256)))
    os.close(end)
    with pytest.raises(InputError, match=f"/dev/fd/{pipe} is a pipe"):
        Film(f"/dev/fd/{pipe}")
    os.close(pipe)


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
