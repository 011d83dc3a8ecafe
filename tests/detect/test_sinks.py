from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.detect.sinks import AnnotatedImages, Crops, Csv, JsonLines
from maskdet.errors import OutputError
from maskdet.images import Bgr
from maskdet.types import Box, ImageResult, Prediction

SCORES = {"with_mask": 0.9, "without_mask": 0.1}


def result(source: str = "b/a.jpg", faces: int = 2, frame: int | None = None) -> ImageResult:
    found = (
        Prediction(Box(10, 20, 30, 50), 0.99, "with_mask", 0.9, SCORES),
        Prediction(Box(60, 0, 80, 20.26), 0.8, "without_mask", 0.6, SCORES),
    )
    name = Path(source).name
    return ImageResult(source, name, 100, 60, found[:faces], frame, frame and frame / 10)


FAILED = ImageResult("c.jpg", "c.jpg", 0, 0, error="c.jpg is broken")


@pytest.fixture
def image() -> Bgr:
    """Red where the first face of ``result`` is, blue where the second is."""
    array = np.zeros((60, 100, 3), np.uint8)
    array[:, :50] = (0, 0, 255)
    array[:, 50:] = (255, 0, 0)
    return array


def test_json_lines(image: Bgr) -> None:
    stream = io.StringIO()
    sink = JsonLines(stream)
    sink.write(image, result())
    sink.write(None, FAILED)
    sink.close()
    lines = stream.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == [result().to_dict(), FAILED.to_dict()]


def test_json_of_any_file_name_can_be_written(image: Bgr) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    name = b"caf\xe9\n.jpg".decode("utf-8", "surrogateescape")
    JsonLines(stream).write(image, result(name))
    assert json.loads(raw.getvalue())["source"] == name


def test_csv_has_a_row_a_face(image: Bgr, tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    sink = Csv(path)
    sink.write(image, result())
    sink.write(None, FAILED)
    sink.write(image, result("film.mp4", faces=1, frame=3))
    sink.write(image, result(faces=0))
    sink.close()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(Csv.COLUMNS)
    picked = [
        [row[name] for name in ("source", "frame", "time_s", "face", "label", "score", "y2")]
        for row in rows
    ]
    assert picked == [
        ["b/a.jpg", "", "", "0", "with_mask", "0.9", "50.0"],
        ["b/a.jpg", "", "", "1", "without_mask", "0.6", "20.3"],
        ["film.mp4", "3", "0.3", "0", "with_mask", "0.9", "50.0"],
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["faces.csv"]


def test_csv_rows_are_on_disk_before_the_end(image: Bgr, tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text("of the last run")
    sink = Csv(path)
    sink.write(image, result())
    assert path.read_text() == "of the last run"
    (beside,) = tmp_path.glob(".faces.csv.*.part")
    assert len(beside.read_text().splitlines()) == 3
    sink.close()
    assert len(path.read_text().splitlines()) == 3


def test_two_runs_that_write_one_table_keep_apart(
    image: Bgr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "faces.csv"
    first = Csv(path)
    first.write(image, result())
    monkeypatch.setattr(os, "getpid", lambda: 0)  # as in another process
    second = Csv(path)
    second.write(image, result(faces=1))
    for sink, rows in ((first, 2), (second, 1)):
        sink.close()
        assert len(path.read_text().splitlines()) == 1 + rows
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_result_the_earlier_table_stays(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text("of the last run")
    Csv(path).close()
    assert path.read_text() == "of the last run"
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_without_a_face_replaces_the_earlier_one(image: Bgr, tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text("of the last run")
    sink = Csv(path)
    sink.write(image, result(faces=0))
    for _ in range(2):
        sink.close()
        assert path.read_text().split() == [",".join(Csv.COLUMNS)]


def test_csv_takes_any_file_name(image: Bgr, tmp_path: Path) -> None:
    name = b'caf\xe9,"x".jpg'
    sink = Csv(tmp_path / "faces.csv")
    sink.write(image, result(name.decode("utf-8", "surrogateescape"), faces=1))
    sink.close()
    assert b'caf\xe9,""x"".jpg' in (tmp_path / "faces.csv").read_bytes()


@pytest.mark.parametrize("name", [".", "file/faces.csv"])
def test_a_csv_file_that_cannot_be_written_is_told_at_once(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot (write|create)"):
        Csv(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_csv_goes_into_a_pipe_and_to_what_a_link_leads_to(image: Bgr, tmp_path: Path) -> None:
    pipe, link, file = (tmp_path / name for name in ("pipe", "link.csv", "file.csv"))
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    file.write_text("of the last run")
    link.symlink_to(file)
    for path in (pipe, link):
        sink = Csv(path)
        sink.write(image, result())
        sink.close()
    assert os.read(reader, 10_000) == file.read_bytes()
    os.close(reader)
    assert len(file.read_text().splitlines()) == 3
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 3


def crops_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))


def test_crops_lie_in_folders_by_class(image: Bgr, tmp_path: Path) -> None:
    sink = Crops(tmp_path / "crops", margin=0)
    sink.write(image, result())
    sink.write(None, FAILED)
    sink.close()
    first, second = sorted((tmp_path / "crops").rglob("*.jpg"))
    assert first.parent.name == "with_mask"
    assert second.parent.name == "without_mask"
    assert first.name.startswith("a-")
    assert first.name.endswith("-0.jpg")
    assert second.name == first.name.replace("-0.jpg", "-1.jpg")
    # In the picture's own resolution and colours: red and blue.
    red, blue = images.read(first), images.read(second)
    assert (red.shape, blue.shape) == ((30, 30, 3), (20, 20, 3))
    assert red.mean(axis=(0, 1)) == pytest.approx([0, 0, 255], abs=3)
    assert blue.mean(axis=(0, 1)) == pytest.approx([255, 0, 0], abs=3)


def test_crops_have_the_margin(image: Bgr, tmp_path: Path) -> None:
    Crops(tmp_path, margin=0.25).write(image, result(faces=1))
    (path,) = tmp_path.rglob("*.jpg")
    assert images.read(path).shape == (45, 45, 3)


def test_crops_of_equal_names_do_not_meet_and_a_second_run_changes_nothing(
    image: Bgr, tmp_path: Path
) -> None:
    for _ in range(2):
        sink = Crops(tmp_path, margin=0)
        for source in ("x/a.jpg", "y/a.jpg", "-"):
            sink.write(image, result(source, faces=1))
        for frame in (1, 20):
            sink.write(image, result("film.mp4", faces=1, frame=frame))
        names = crops_below(tmp_path)
        assert len(names) == 5
        assert [name.split("-")[0] for name in names] == [
            "with_mask/a",
            "with_mask/a",
            "with_mask/film",
            "with_mask/film",
            "with_mask/picture",
        ]
        assert names[2].endswith("-000001-0.jpg")


@pytest.mark.parametrize("source", ["-", "0", "rtsp://camera.local/stream"])
def test_crops_of_another_run_of_a_camera_do_not_meet(
    image: Bgr, tmp_path: Path, source: str
) -> None:
    for run in (image, image[:, ::-1].copy(), image):
        Crops(tmp_path, margin=0).write(run, result(source, faces=1, frame=0))
    assert len(crops_below(tmp_path)) == 2


def test_crops_of_any_file_name(image: Bgr, tmp_path: Path) -> None:
    Crops(tmp_path, margin=0).write(image, result(os.fsdecode(b"\xff.jpg"), faces=1))
    (path,) = tmp_path.rglob("*.jpg")
    assert os.fsencode(path.name).startswith(b"\xff-")


def test_an_impossible_folder_of_crops_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot create the folder"):
        Crops(tmp_path / "file" / "crops", margin=0)


def test_annotated_pictures_go_to_their_places(image: Bgr, tmp_path: Path) -> None:
    place = tmp_path / "out" / "deep" / "a.maskdet.png"
    sink = AnnotatedImages({"b/a.jpg": place})
    sink.write(image, result())
    sink.write(None, FAILED)
    sink.close()
    assert sink.written == [place]
    annotated = images.read(place)
    assert annotated.shape == image.shape
    assert not np.array_equal(annotated, image)


def test_faces_are_hidden_where_that_is_asked_for(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    place = tmp_path / "a.png"
    AnnotatedImages({"b/a.jpg": place}, blur=True).write(noise, result())
    inside = images.read(place)[24:46, 14:26]
    assert inside.std() < noise[24:46, 14:26].std() / 2


def test_an_impossible_folder_of_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot create the folder"):
        AnnotatedImages({"a.jpg": tmp_path / "file" / "a.jpg"})
