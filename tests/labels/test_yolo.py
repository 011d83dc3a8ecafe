from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.classes import KNOWN
from maskdet.errors import InputError
from maskdet.labels import yolo
from maskdet.labels.voc import VocObject
from maskdet.types import Box

NAMES = {0: "with_mask", 1: "No Mask", 7: "cat"}


@st.composite
def labelled(draw: st.DrawFn) -> tuple[int, int, list[VocObject]]:
    """Return a picture's width and height, and faces with boxes of whole pixels in it."""
    width, height = draw(st.integers(1, 60_000)), draw(st.integers(1, 60_000))
    objects = []
    for index in range(draw(st.integers(0, 4))):
        x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
        label, difficult = draw(st.sampled_from(KNOWN)), draw(st.booleans())
        notes = draw(st.booleans()), draw(st.sampled_from(["Unspecified", "Left"]))
        objects.append(VocObject(index, label, Box(x1, y1, x2, y2), difficult, *notes))
    return width, height, objects


@given(labelled())
def test_boxes_of_whole_pixels_come_back(picture: tuple[int, int, list[VocObject]]) -> None:
    width, height, objects = picture
    text = yolo.format_lines(objects, KNOWN, width, height)
    found, problems, outlines = yolo.parse(text, dict(enumerate(KNOWN)), width, height)
    assert [(item.label, item.box) for item in found] == [(o.label, o.box) for o in objects]
    assert not problems
    assert not outlines


@pytest.mark.parametrize(
    ("line", "label", "box"),
    [
        ("0 0.5 0.5 0.2 0.4", "with_mask", Box(80, 30, 120, 70)),
        ("1 0.5 0.5 0.2 0.4 0.93", "without_mask", Box(80, 30, 120, 70)),
        ("0 0.01 0.5 0.04 1", "with_mask", Box(0, 0, 6, 100)),
        ("1 0.1 0.2 0.3 0.2 0.2 0.6", "without_mask", Box(20, 20, 60, 60)),
    ],
)
def test_a_line(line: str, label: str, box: Box) -> None:
    (found,), problems, outlines = yolo.parse(f"\n{line}\n", NAMES, 200, 100)
    assert (found.label, found.box) == (label, box)
    assert not problems
    assert outlines == (len(line.split()) == 7)


@pytest.mark.parametrize("points", [" 0.9 0.9 2" * 5, " 0.9 0.9", ""])
def test_a_line_with_key_points(points: str) -> None:
    config = yolo.parse_config("names: [with_mask]\nkpt_shape: [5, 3]")
    line = f"0 0.5 0.5 0.2 0.4{points}"
    (found,), problems, more = yolo.parse(line, config.names, 200, 100, config.pose)
    assert (found.box, problems, more) == (Box(80, 30, 120, 70), [], bool(points))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7 0.5 0.5 0.2 0.4", "unknown class 'cat'"),
        ("3 0.5 0.5 0.2 0.4", "class number 3 has no name"),
        ("0.5 0.5 0.5 0.2 0.4", "class number 0.5 has no name"),
        ("face 0.5 0.5 0.2 0.4", "could not convert"),
        ("0 0.5 0.5 0.2", "neither a box nor an outline"),
        ("0 0.5 nan 0.2 0.4", "not all numbers"),
        ("0 0.5 0.5 -0.2 0.4", "empty"),
        ("0 320 240 100 100", "outside"),
        ("0 0 0.5 0.2 1", "reaches out"),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_kept(line: str, problem: str) -> None:
    found, problems, _ = yolo.parse(f"{line}\n0 .5 .5 .2 .4", NAMES, 200, 100)
    assert [item.index for item in found] == [0]
    assert len(problems) == 1
    assert problems[0].startswith("line 1: ")
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("text", "names", "train"),
    [
        ("names: [a, b]\ntrain: images/train", {0: "a", 1: "b"}, ["images/train"]),
        ("names:\n  0: a\n  3: b\ntrain: [x, y]\nnc: 2", {0: "a", 3: "b"}, ["x", "y"]),
        ("names: [a]\ntrain:\n", {0: "a"}, []),
    ],
)
def test_a_config(text: str, names: dict[int, str], train: list[str]) -> None:
    config = yolo.parse_config(text)
    assert config.names == names
    assert config.parts["train"] == train


@pytest.mark.parametrize(
    "text", ["", "- a", "train: x", "names: 3", "names: {a: b}", "a: [", "!!python/object:os.x {}"]
)
def test_what_is_no_config(text: str) -> None:
    with pytest.raises(InputError, match=r"YAML|names"):
        yolo.parse_config(text)


def test_a_config_is_read_as_it_was_written() -> None:
    text = yolo.format_config(["with_mask", "no: mask"], {"train": "train.txt", "val": "val.txt"})
    config = yolo.parse_config(text)
    assert config.names == {0: "with_mask", 1: "no: mask"}
    assert config.parts == {"train": ["train.txt"], "val": ["val.txt"], "test": []}
