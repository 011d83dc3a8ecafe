from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from test_yolo import labelled

from maskdet.classes import KNOWN
from maskdet.errors import InputError
from maskdet.labels import coco
from maskdet.labels.records import LabelledPicture
from maskdet.labels.voc import VocObject
from maskdet.types import Box


@given(labelled())
def test_boxes_and_marks_come_back(picture: tuple[int, int, list[VocObject]]) -> None:
    width, height, objects = picture
    record = LabelledPicture(Path("a.jpg"), "a.jpg", width, height, tuple(objects), proposal=True)
    document = coco.format_document([("images/a.jpg", record)], KNOWN)
    read = coco.parse(json.dumps(document))
    (item,) = read.pictures
    assert (item.file, item.proposal) == ("images/a.jpg", True)
    assert coco.objects(item, read.names, width, height) == (objects, [], 0)


@pytest.mark.parametrize(
    ("change", "proposal"),
    [
        (lambda document: document["annotations"][0].update(score=0.9), True),
        (lambda document: document["annotations"][0].update(category_id=2), False),
        (lambda document: document["annotations"][0].update(bbox=[10, 20, 20, 31]), False),
        (lambda document: document["annotations"][0].update(difficult=1), False),
        (lambda document: document["annotations"].pop(), False),
        (lambda document: document["images"][0].update(proposal=True), False),
        (lambda document: document["images"][0].update(proposal=[1]), False),
    ],
)
def test_what_somebody_has_changed_is_no_proposal(
    change: Callable[[dict[str, Any]], object], proposal: bool
) -> None:
    faces = tuple(VocObject(k, "with_mask", Box(10, 20, 30 + k, 50)) for k in range(2))
    record = LabelledPicture(Path("a.jpg"), "a.jpg", 100, 80, faces, proposal=True)
    document = coco.format_document([("a.jpg", record)], KNOWN)
    change(document)
    assert coco.parse(json.dumps(document)).pictures[0].proposal == proposal


def test_the_document_has_what_others_need() -> None:
    face = VocObject(0, "without_mask", Box(10, 20.5, 30, 50))
    record = LabelledPicture(Path("a.jpg"), "a.jpg", 100, 80, (face,))
    empty = LabelledPicture(Path("b.jpg"), "b.jpg", 10, 20, ())
    document = coco.format_document([("a.jpg", record), ("b.jpg", empty)], KNOWN[:3])
    assert document["images"] == [
        {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80},
        {"id": 2, "file_name": "b.jpg", "width": 10, "height": 20},
    ]
    (annotation,) = document["annotations"]
    assert annotation["bbox"] == [10, 20.5, 20, 29.5]
    assert annotation["area"] == 590
    assert annotation["iscrowd"] == 0
    names = {category["id"]: category["name"] for category in document["categories"]}
    assert names[annotation["category_id"]] == "without_mask"


def document(**annotation: Any) -> str:
    good = {"id": 5, "image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 40]}
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
            "annotations": [{**good, **annotation}, good],
            "categories": [{"id": 2, "name": "Mask"}, {"id": 3, "name": "cat"}],
        }
    )


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ({"category_id": 3}, "unknown class 'cat'"),
        ({"category_id": 9}, "unknown class 9"),
        ({"category_id": [1]}, "unknown class"),
        ({"bbox": None}, "not four numbers"),
        ({"bbox": [1, 2, 3]}, "not four numbers"),
        ({"bbox": [1, 2, 3, "4"]}, "not four numbers"),
        ({"bbox": [1, 2, float("nan"), 4]}, "not four numbers"),
        ({"bbox": [1, 2, 10**400, 4]}, "too large"),
        ({"bbox": [50, 50, -20, 10]}, "empty"),
        ({"bbox": [150, 50, 20, 10]}, "outside"),
        ({"bbox": [90, 50, 20, 10]}, "reaches out"),
    ],
)
def test_a_bad_annotation_is_named_and_the_next_one_kept(
    annotation: dict[str, Any], problem: str
) -> None:
    read = coco.parse(document(**annotation))
    found, problems, _ = coco.objects(read.pictures[0], read.names, 100, 80)
    assert [item.box for item in found] == [Box(10, 20, 40, 60)]
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("extra", "difficult"),
    [({"iscrowd": 1}, True), ({"iscrowd": 1, "difficult": 0}, False), ({"difficult": 1}, True)],
)
def test_what_is_difficult(extra: dict[str, int], difficult: bool) -> None:
    read = coco.parse(document(**extra))
    found, _, _ = coco.objects(read.pictures[0], read.names, 100, 80)
    assert [item.difficult for item in found] == [difficult, False]


def test_outlines_are_counted() -> None:
    read = coco.parse(document(segmentation=[[1, 2, 3, 4, 5, 6]]))
    assert coco.objects(read.pictures[0], read.names, 100, 80)[2] == 1


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        ({"width": 80, "height": 100}, True),
        ({"width": "100", "height": None}, True),
        ({}, True),
        ({"width": 200, "height": 160}, False),
    ],
)
def test_boxes_for_a_picture_of_another_size_are_refused(
    size: dict[str, object], fits: bool
) -> None:
    raw = json.loads(document())
    raw["images"][0] = {"id": 1, "file_name": "a.jpg", **size}
    read = coco.parse(json.dumps(raw))
    with nullcontext() if fits else pytest.raises(InputError, match="its boxes are for 200"):
        assert len(coco.objects(read.pictures[0], read.names, 100, 80)[0]) == 2


def test_lost_ends_are_named() -> None:
    text = json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}, {}],
            "annotations": [{"image_id": 7}, "x"],
        }
    )
    read = coco.parse(text)
    assert [item.file for item in read.pictures] == ["a.jpg"]
    assert len(read.problems) == 4


@pytest.mark.parametrize("text", ["", "[1]", '{"images": []}', "[" * 100_000])
def test_what_is_no_coco_file(text: str) -> None:
    with pytest.raises(InputError, match="JSON"):
        coco.parse(text)
