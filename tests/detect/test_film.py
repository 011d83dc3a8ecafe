from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskdet.detect.film import LONGEST_STILL_S, SUFFIXES, AnnotatedFilm
from maskdet.detect.stream import Film
from maskdet.errors import OutputError
from maskdet.types import Box, ImageResult, Prediction


def result(time_s: float, *faces: Prediction, width: int = 64, height: int = 64) -> ImageResult:
    return ImageResult("film", "film", width, height, faces, time_s=time_s)


def write(film: AnnotatedFilm, times: list[float]) -> list[int]:
    """Write a frame for each time, ever lighter; return the numbers of those in the film."""
    for number, time_s in enumerate(times):
        film.write(np.full((64, 64, 3), 25 * number, np.uint8), result(time_s))
    film.close()
    return [round(frame.image.mean() / 25) for frame in Film(film.path)]


@pytest.mark.parametrize(
    ("times", "fps", "numbers"),
    [
        ([0, 0.1, 0.2, 0.3], 10, [0, 1, 2, 3]),
        ([5, 5.1, 5.2], 10, [0, 1, 2]),
        ([0, 0.3, 0.4], 10, [0, 0, 0, 1, 2]),
        ([0, 0.01, 0.02, 0.2, 0.3], 10, [2, 2, 3, 4]),
        ([0, 0.5, 0.1, 0.2], 10, [0, 0, 0, 0, 0, 2, 3]),
        ([0], 10, [0]),
        *(
            ([n / fps for n in range(9)], fps, list(range(9)))
            for fps in (23.976, 29.97, 30000 / 1001, 65.537, 119.973, 120)
        ),
    ],
)
def test_frames_stand_as_long_as_they_did(
    tmp_path: Path, times: list[float], fps: float, numbers: list[int]
) -> None:
    assert write(AnnotatedFilm(tmp_path / "a.mp4", fps), times) == numbers


def test_a_long_break_is_cut_short(tmp_path: Path) -> None:
    numbers = write(AnnotatedFilm(tmp_path / "a.mp4", 2), [0, 10_000])
    assert numbers == [0] * round(2 * LONGEST_STILL_S) + [1]


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_ending_that_is_promised_can_be_written(tmp_path: Path, suffix: str) -> None:
    numbers = write(AnnotatedFilm(tmp_path / f"new/folder/a{suffix}", 25), [0, 0.04, 0.08])
    assert numbers == [0, 1, 2]
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == [f"a{suffix}"]


def test_faces_are_drawn_or_hidden(tmp_path: Path, astronaut: np.ndarray) -> None:
    face = Prediction(Box(175, 60, 275, 200), 1.0, "without_mask", 1.0, {"without_mask": 1.0})
    seen = {}
    for blur in (False, True):
        film = AnnotatedFilm(tmp_path / f"{blur}.mp4", 25, blur)
        film.write(astronaut, result(0, face, width=512, height=512))
        film.close()
        picture = next(iter(Film(film.path))).image
        part = np.s_[90:190, 185:265]
        seen[blur] = np.abs(picture[part].astype(int) - astronaut[part]).mean()
    assert seen[False] < 8 < 15 < seen[True]


def test_frames_of_another_size_are_scaled(tmp_path: Path) -> None:
    film = AnnotatedFilm(tmp_path / "a.mp4", 25)
    film.write(np.zeros((64, 80, 3), np.uint8), result(0, width=80))
    film.write(np.full((128, 160, 3), 200, np.uint8), result(0.04, width=160, height=128))
    film.close()
    first, second = Film(film.path)
    assert first.image.shape == second.image.shape == (64, 80, 3)
    assert second.image.mean() > 150


def test_odd_sides_lose_a_pixel(tmp_path: Path) -> None:
    film = AnnotatedFilm(tmp_path / "a.mp4", 25)
    film.write(np.zeros((63, 81, 3), np.uint8), result(0, width=81, height=63))
    film.close()
    assert next(iter(Film(film.path))).image.shape == (62, 80, 3)


def test_until_it_is_closed_nothing_has_its_name(tmp_path: Path) -> None:
    film = AnnotatedFilm(tmp_path / "a.mp4", 25)
    film.write(np.zeros((64, 64, 3), np.uint8), result(0))
    assert not film.path.exists()
    film.close()
    assert film.finished
    film.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_two_runs_write_what_a_link_leads_to_and_keep_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "a.mp4"
    link.symlink_to("film")
    first = AnnotatedFilm(link, 25)
    first.write(np.zeros((64, 64, 3), np.uint8), result(0))
    monkeypatch.setattr(os, "getpid", lambda: 0)  # as in another process
    assert write(AnnotatedFilm(link, 25), [0, 0.04]) == [0, 1]
    assert write(first, [0.04, 0.08, 0.12]) == [0, 0, 1, 2]
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "film"]


def test_without_a_frame_there_is_no_film(tmp_path: Path) -> None:
    film = AnnotatedFilm(tmp_path / "a.mp4", 25)
    film.write(None, result(0))
    film.close()
    assert not film.finished
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["a.jpg", "a", "a.webm", "folder.mp4", "file/a.mp4", "small.mp4", "pipe.mp4"]
)
def test_what_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "file").write_bytes(b"")
    side = 1 if name == "small.mp4" else 64
    with pytest.raises(OutputError, match="cannot"):
        AnnotatedFilm(tmp_path / name, 25).write(np.zeros((side, side, 3), np.uint8), result(0))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from maskdet.detect.film import AnnotatedFilm
from maskdet.errors import OutputError
from maskdet.types import ImageResult
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, contrast, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
film = AnnotatedFilm(path, 25)
random = np.random.default_rng(0)
for n in range(20):
    noise = random.integers(0, contrast, (240, 320, 3), np.uint8)
    film.write(noise, ImageResult("f", "f", 320, 240, time_s=n / 25))
try:
    film.close()
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits files as only POSIX can")
@pytest.mark.parametrize(
    ("suffix", "contrast", "limit"),
    [
        (".mp4", 255, 20_000),
        (".mkv", 255, 670_000),  # the guess of the frames is too low
        (".mkv", 10, 12_000),  # too high
        (".avi", 10, 15_000),
        (".avi", 10, 25_000),  # all frames are there, but not the index
    ],
)
def test_a_full_disk_is_noticed(tmp_path: Path, suffix: str, contrast: int, limit: int) -> None:
    command = [sys.executable, "-c", FULL_DISK, tmp_path / f"a{suffix}", str(contrast), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is the disk full" in done.stdout
    assert list(tmp_path.iterdir()) == []
