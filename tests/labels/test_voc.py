from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maskdet.errors import InputError
from maskdet.labels import voc
from maskdet.types import Box


def obj(name: str = "with_mask", box: str = "10 20 30 50", extra: str = "") -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box.split(), strict=False)
    inside = "".join(f"<{key}>{value}</{key}>" for key, value in corners)
    return f"<object><name>{name}</name><bndbox>{inside}</bndbox>{extra}</object>"


def size(said: str) -> str:
    inside = (
        f"<{key}>{value}</{key}>"
        for key, value in zip(("width", "height"), said.split(), strict=False)
    )
    return f"<size>{''.join(inside)}</size>"


def read(tmp_path: Path, text: str) -> voc.VocFile:
    path = tmp_path / "a.xml"
    path.write_text(text, encoding="utf-8")
    return voc.read(path, width=100, height=80)


def annotation(*objects: str) -> str:
    return f"<annotation>{''.join(objects)}</annotation>"


@pytest.mark.parametrize(
    ("text", "label", "box", "difficult"),
    [
        (obj(), "with_mask", Box(10, 20, 30, 50), False),
        (obj("mask_weared_incorrect"), "mask_worn_incorrectly", Box(10, 20, 30, 50), False),
        (obj("Without Mask"), "without_mask", Box(10, 20, 30, 50), False),
        (obj(box="-2 1.5 101 82"), "with_mask", Box(0, 1.5, 100, 80), False),
        (obj(extra="<difficult>1</difficult>"), "with_mask", Box(10, 20, 30, 50), True),
    ],
)
def test_an_object(tmp_path: Path, text: str, label: str, box: Box, difficult: bool) -> None:
    found = read(tmp_path, annotation(text))
    assert found.objects == (voc.VocObject(0, label, box, difficult),)
    assert not found.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (obj("helmet"), "unknown class 'helmet'"),
        (obj(box="30 20 10 50"), "empty or turned round"),
        (obj(box="200 20 240 50"), "outside the 100 x 80 picture"),
        (obj(box="10 20 9999 50"), "reaches out of the 100 x 80 picture"),
        (obj(box="-50 20 30 50"), "reaches out of the 100 x 80 picture"),
        (obj(box="10 20 30 82.5"), "reaches out of the 100 x 80 picture"),
        (obj(box="10 20 30"), "no ymax"),
        (obj(box="a 20 30 50"), "could not convert"),
        (obj(box="nan 20 30 50"), "xmin is nan"),
    ],
)
def test_a_bad_object_is_named_and_the_next_one_kept(
    tmp_path: Path, text: str, problem: str
) -> None:
    found = read(tmp_path, annotation(text, obj()))
    assert [item.index for item in found.objects] == [1]
    assert len(found.problems) == 1
    assert "object 0" in found.problems[0]
    assert problem in found.problems[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation>",
        "<html></html>",
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>',
        "<?xml version='1.0' encoding='ansi'?><annotation></annotation>",
    ],
)
def test_what_is_no_voc_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"a\.xml"):
        read(tmp_path, text)


@pytest.mark.parametrize("said", ["100 80", "80 100", "0 0", "0 400", "? 400", "400"])
def test_the_size_that_is_right_or_nothing(tmp_path: Path, said: str) -> None:
    assert read(tmp_path, annotation(size(said), obj())).objects


@pytest.mark.parametrize("said", ["50 40", "100 81", "200 160"])
def test_boxes_for_a_picture_of_another_size_are_refused(tmp_path: Path, said: str) -> None:
    wanted = f"boxes are for {said.replace(' ', ' x ')} pixels, and the picture has 100 x 80"
    with pytest.raises(InputError, match=wanted):
        read(tmp_path, annotation(size(said), obj()))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        voc.read(tmp_path / "none.xml", 1, 1)


@pytest.mark.corpus
def test_the_corpus_reads_without_a_problem(corpus: Path) -> None:
    from maskdet import images

    scenes = sorted((corpus / "dev_scenes").glob("*.jpg"))
    files = [voc.read(path.with_suffix(".xml"), *images.size(path)) for path in scenes]
    assert not [problem for file in files for problem in file.problems]
    assert sum(not item.difficult for file in files for item in file.objects) == 805 + 322 + 71


OBJECTS = (
    voc.VocObject(0, "with_mask", Box(10, 20, 30, 44)),
    voc.VocObject(
        1, "mask_worn_incorrectly", Box(0, 0, 100, 80), True, truncated=True, pose="Left"
    ),
)


@pytest.mark.parametrize("proposal", [False, True])
def test_what_is_written_is_read_again(tmp_path: Path, proposal: bool) -> None:
    path = tmp_path / "a.xml"
    voc.write(path, tmp_path / "a & b.jpg", 100, 80, OBJECTS, proposal)
    assert voc.read(path, 100, 80) == voc.VocFile(OBJECTS, (), proposal)
    assert "<filename>a &amp; b.jpg</filename>" in path.read_text()


@pytest.mark.parametrize(
    ("old", "new", "proposal"),
    [
        ("<name>with_mask</name>", "<name>without_mask</name>", False),
        ("<xmin>10</xmin>", "<xmin>11</xmin>", False),
        ("<difficult>1</difficult>", "<difficult>0</difficult>", False),
        ("\n", "\n\n", True),
    ],
)
def test_a_proposal_is_none_any_more_once_an_object_was_changed(
    tmp_path: Path, old: str, new: str, proposal: bool
) -> None:
    path = tmp_path / "a.xml"
    voc.write(path, "a.jpg", 100, 80, OBJECTS, proposal=True)
    path.write_text(path.read_text().replace(old, new))
    assert voc.read(path, 100, 80).proposal is proposal


@pytest.mark.parametrize("name", ["\udcff.jpg", 'a\x01\n<b>&".jpg'])
def test_any_name_leaves_the_file_readable(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.xml"
    item = voc.VocObject(0, "with_mask", Box(1, 2, 30, 40))
    voc.write(path, tmp_path / name / name, 100, 80, [item])
    assert voc.read(path, 100, 80) == voc.VocFile((item,), ())


def test_corners_are_written_as_whole_pixels_of_a_box_that_is_never_empty(tmp_path: Path) -> None:
    thin = voc.VocObject(0, "with_mask", Box(99.6, 10.4, 100, 10.5))
    voc.write(tmp_path / "a.xml", "a.jpg", 100, 80, [thin])
    (read,) = voc.read(tmp_path / "a.xml", 100, 80).objects
    assert read.box == Box(99, 10, 100, 11)


def test_a_box_that_was_changed_is_written_and_a_proposal_that_was_confirmed_is_none(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.xml"
    voc.write(path, "a.jpg", 100, 80, OBJECTS, proposal=True)
    first = replace(OBJECTS[0], box=Box(11, 20, 30, 44))
    earlier = voc.read(path, 100, 80).root
    voc.write(path, "a.jpg", 100, 80, [OBJECTS[1], first], earlier=earlier)
    found = voc.read(path, 100, 80)
    assert found.objects == (replace(OBJECTS[1], index=0), replace(first, index=1))
    assert not found.proposal
    assert voc.PROPOSAL not in path.read_text()
