from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.errors import InputError
from maskdet.evaluate.truth import Truth, load, read_tags
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.types import Box

A, B = Box(0, 0, 30, 30), Box(40, 0, 60, 30)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Photographs with two faces and a place that is none, and without a face; and a crop."""
    folder = tmp_path / "data"
    for name in ("b.png", "empty.png", "with_mask/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(folder / name, np.zeros((50, 60, 3), np.uint8))
    objects = [VocObject(0, "background", A), VocObject(0, "with_mask", A)]
    objects.append(VocObject(0, "without_mask", B, difficult=True))
    voc.write(folder / "b.xml", "b.png", 60, 50, objects)
    voc.write(folder / "empty.xml", "empty.png", 60, 50, [])
    return folder


def test_pictures_with_and_without_faces(data: Path) -> None:
    truth = load(data)
    shown = {
        item.name: ([(f.index, f.label, f.box) for f in item.faces], len(item.counted), item.whole)
        for item in truth.pictures
    }
    assert shown == {
        "b.png": ([(1, "with_mask", A), (2, "without_mask", B)], 1, False),
        "empty.png": ([], 0, False),
        "with_mask/a.png": ([(0, "with_mask", Box(0, 0, 60, 50))], 1, True),
    }


def test_a_crop_that_cannot_be_read_is_told(data: Path) -> None:
    (data / "with_mask" / "bad.jpg").write_text("<html>")
    truth = load(data)
    assert [picture.name for picture in truth.pictures] == ["b.png", "empty.png", "with_mask/a.png"]
    (problem,) = truth.problems
    assert "bad.jpg is not an image" in problem


def test_a_face_that_is_left_out_is_held_against_nobody(data: Path) -> None:
    faces = load(data, exclude=["b.png#1"]).pictures[0].faces
    assert [(face.index, face.difficult) for face in faces] == [(1, True), (2, True)]


def test_the_manifest_says_part_and_source(data: Path) -> None:
    rows = ["file,split,source", "b.png,testing,web", "empty.png,test,", "with_mask/a.png,train,"]
    (data / "manifest.csv").write_text("\n".join(rows))
    parts = {item.name: item.source for item in load(data, "test").pictures}
    assert parts == {"b.png": "web", "empty.png": ""}


def test_what_is_excluded_is_left_out(data: Path) -> None:
    assert [item.name for item in load(data, exclude=["b.*", "empty.*"]).pictures] == [
        "with_mask/a.png"
    ]


def test_nothing_to_measure_on(data: Path) -> None:
    with pytest.raises(InputError, match="no face to measure on"):
        load(data, "val")


def read(data: Path, text: str) -> tuple[dict[tuple[str, int], set[str]], list[str]]:
    path = data.parent / "tags.csv"
    path.write_text(text)
    tags, problems = read_tags(path, Truth(data, load(data).pictures[:1]))
    return {place: set(words) for place, words in tags.items()}, problems


def test_tags(data: Path) -> None:
    text = "file,object,tags\nb.png,1,hand;black\nb.png,1,blur\nb.png,2,\nempty.png,0,hand\n"
    tags, problems = read(data, text)
    assert tags == {("b.png", 1): {"hand", "black", "blur"}, ("b.png", 2): set()}
    assert not problems


@pytest.mark.parametrize("row", ["b.png,0,hand", "b.png,x,hand", "b.png", "c.png,0,hand"])
def test_tags_of_no_face_are_named(data: Path, row: str) -> None:
    tags, problems = read(data, f"file,object,tags\n{row}\n")
    assert not tags
    assert len(problems) == 1


def test_tags_of_other_pictures_are_counted(data: Path) -> None:
    rows = "\n".join(f"{name},0,hand" for name in ("c.png", "d.png", "c.png"))
    tags, (problem,) = read(data, f"file,object,tags\nb.png,1,hand\n{rows}\n")
    assert len(tags) == 1
    assert problem.endswith("3 rows name no picture, first c.png")


@pytest.mark.parametrize(("before", "line"), [("", 1), ("file,object,tags\nb.png,1,hand\n", 3)])
def test_tags_that_never_end_are_refused(data: Path, before: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"cannot read .*tags\.csv: line {line}: field larger"):
        read(data, before + "x" * 200_000)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("file,label", "no column object, tags: its first line is 'file,label'"),
        ("file;object;tags", "no column file, object, tags: its first line is 'file;object;tags'"),
        ("", "no column file, object, tags: its first line is ''"),
    ],
)
def test_tags_need_their_columns(data: Path, header: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read(data, f"{header}\n")
