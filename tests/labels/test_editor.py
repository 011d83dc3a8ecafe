from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import parse

from maskdet import images
from maskdet.labels import voc
from maskdet.labels.editor import Editor, State
from maskdet.types import Box

OUTER, INNER = Box(0, 0, 60, 60), Box(10, 10, 30, 30)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three photographs: with two proposed boxes, without a file, and a broken one."""
    names = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for name in names[:2]:
        images.write(name, np.full((80, 100, 3), 128, np.uint8))
    names[2].write_bytes(b"no picture")
    objects = [voc.VocObject(0, "with_mask", OUTER), voc.VocObject(1, "without_mask", INNER)]
    voc.write(tmp_path / "a.xml", names[0], 100, 80, objects, proposal=True)
    return names


def saved(picture: Path) -> voc.VocFile:
    return voc.read(picture.with_suffix(".xml"), 100, 80)


def said(picture: Path) -> list[tuple[str, Box, bool]]:
    return [(item.label, item.box, item.difficult) for item in saved(picture).objects]


def test_classes_and_difficulty_are_saved_at_once(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    assert editor.state.chosen == 0
    editor.set_label("mask_worn_incorrectly")
    editor.choose_next()
    editor.toggle_difficult()
    assert said(pictures[0]) == [
        ("mask_worn_incorrectly", OUTER, False),
        ("without_mask", INNER, True),
    ]
    assert not saved(pictures[0]).proposal
    editor.choose_next()
    assert editor.state.chosen == 0


@pytest.mark.parametrize(
    ("x", "y", "chosen"), [(20, 20, 1), (5, 5, 0), (60, 60, None), (30, 29, 0), (99, 79, None)]
)
def test_a_click_chooses_the_smallest_box_there(
    pictures: list[Path], x: int, y: int, chosen: int | None
) -> None:
    editor = Editor(pictures)
    editor.choose(x, y)
    assert editor.state.chosen == chosen
    assert saved(pictures[0]).proposal


def test_a_new_box_has_the_class_that_was_used_last(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    editor.choose(20, 20)
    editor.add(Box(50, 60, 200, 200))
    assert said(pictures[0])[2:] == [("without_mask", Box(50, 60, 100, 80), False)]
    assert editor.state.chosen == 2
    editor.set_label("with_mask")
    assert [label for label, *_ in said(pictures[0])] == ["with_mask", "without_mask", "with_mask"]


def test_a_slip_of_the_hand_is_no_box(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    editor.add(Box(10, 10, 13, 60))
    editor.add(Box(120, 10, 150, 60))
    assert len(said(pictures[0])) == 2
    assert saved(pictures[0]).proposal


def test_deleting(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    editor.delete()
    assert said(pictures[0]) == [("without_mask", INNER, False)]
    assert [item.index for item in editor.state.objects] == [0]
    editor.delete()
    editor.delete()
    assert said(pictures[0]) == []
    assert editor.state.chosen is None


def test_everything_can_be_taken_back_also_on_another_picture(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    before = said(pictures[0])
    editor.set_label("mask_worn_incorrectly")
    editor.delete()
    editor.go(1)
    editor.add(Box(0, 0, 50, 50))
    editor.undo()
    # An empty file would say that there is no face.
    assert not pictures[1].with_suffix(".xml").exists()
    assert editor.state == State()
    editor.undo()
    assert editor.picture == pictures[0]
    assert [label for label, *_ in said(pictures[0])] == ["mask_worn_incorrectly", "without_mask"]
    editor.undo()
    editor.undo()
    assert said(pictures[0]) == before
    assert saved(pictures[0]).proposal


def test_going_on_confirms_a_proposal_and_going_back_does_not(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    editor.go(-1)
    assert (editor.place, saved(pictures[0]).proposal) == (0, True)
    editor.go(1)
    assert (editor.place, saved(pictures[0]).proposal) == (1, False)
    editor.go(-1)
    assert not pictures[1].with_suffix(".xml").exists()
    editor.go(1)
    editor.go(1)
    assert saved(pictures[1]) == voc.VocFile((), ())


def test_a_broken_picture_is_passed_by(pictures: list[Path]) -> None:
    editor = Editor(pictures)
    editor.go(2)
    assert editor.image is None
    assert "c.png" in editor.problem
    editor.add(Box(0, 0, 50, 50))
    editor.set_label("with_mask")
    editor.undo()
    editor.go(1)
    assert not pictures[2].with_suffix(".xml").exists()
    editor.go(-1)
    assert (editor.picture, editor.problem) == (pictures[1], "")


def test_what_would_be_lost_is_not_edited(pictures: list[Path]) -> None:
    file = pictures[0].with_suffix(".xml")
    text = file.read_text().replace("without_mask", "helmet")
    file.write_text(text)
    editor = Editor(pictures)
    assert "helmet" in editor.problem
    editor.delete()
    editor.go(1)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "act",
    [
        lambda editor: editor.delete(),
        lambda editor: editor.add(Box(0, 0, 50, 50)),
        lambda editor: editor.undo(),
        lambda editor: (editor.go(1), editor.undo()),
    ],
    ids=["change", "box", "undo", "undo from another picture"],
)
def test_what_another_program_has_saved_meanwhile_is_read_and_not_lost(
    pictures: list[Path], act: Callable[[Editor], object]
) -> None:
    editor = Editor(pictures)
    editor.set_label("mask_worn_incorrectly")
    Editor(pictures).add(Box(50, 50, 90, 75))
    theirs = said(pictures[0])
    act(editor)
    assert said(pictures[0]) == theirs
    assert (editor.picture, len(editor.state.objects)) == (pictures[0], 3)
    assert "another program" in editor.notice
    # What was done before may be taken back no more; what is done now may.
    editor.undo()
    assert said(pictures[0]) == theirs
    editor.delete()
    assert (len(said(pictures[0])), editor.notice) == (2, "")
    editor.undo()
    assert said(pictures[0]) == theirs


@pytest.mark.parametrize("text", [None, "<annotation>"], ids=["gone", "broken"])
def test_a_file_that_another_program_has_removed_or_broken_is_left_so(
    pictures: list[Path], text: str | None
) -> None:
    editor = Editor(pictures)
    file = pictures[0].with_suffix(".xml")
    file.unlink() if text is None else file.write_text(text)
    editor.go(1)
    assert editor.picture == pictures[0]
    assert "another program" in editor.notice
    assert editor.state == State()
    assert (editor.image is None) == ("a.xml" in editor.problem) == (text is not None)
    assert (file.read_text() if file.exists() else None) == text


def test_what_other_programs_have_written_stays_in_the_file(pictures: list[Path]) -> None:
    file = pictures[0].with_suffix(".xml")
    file.write_text(
        """<annotation verified="yes"><folder>x</folder><path>/x/a.png</path>
        <source><database>Flickr, CC BY</database><annotation>CVAT</annotation></source>
        <owner><name>Jane</name></owner><segmented>1</segmented>
        <object><name>mask</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax>
        </bndbox><occluded>0</occluded></object>
        <object><name>no mask</name><bndbox><xmin>10.62</xmin><ymin>-0.5</ymin><xmax>60.5</xmax>
        <ymax>70</ymax></bndbox><occluded>1</occluded>
        <attributes><attribute><name>age</name></attribute></attributes></object></annotation>"""
    )
    before = file.read_text()
    editor = Editor(pictures)
    editor.delete()
    editor.set_label("mask_worn_incorrectly")
    editor.add(Box(20.4, 20, 40, 50))
    root = parse(file).getroot()
    assert root.get("verified") == "yes"
    wanted = {
        "folder": pictures[0].parent.name,
        "path": "/x/a.png",
        "source/database": "Flickr, CC BY",
        "source/annotation": "CVAT",
        "owner/name": "Jane",
        "segmented": "1",
        "size/width": "100",
    }
    assert {key: root.findtext(key) for key in wanted} == wanted
    keys = ("name", "bndbox/xmin", "bndbox/ymin", "occluded", "attributes/attribute/name")
    assert [[node.findtext(key) for key in keys] for node in root.findall("object")] == [
        ["mask_worn_incorrectly", "10.62", "-0.5", "1", "age"],
        ["mask_worn_incorrectly", "20", "20", None, None],
    ]
    for _ in range(3):
        editor.undo()
    assert file.read_text() == before
