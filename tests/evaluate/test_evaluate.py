"""Measuring from files to figures."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ASTRONAUT_FACE, ModelMaker
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet import images
from maskdet.classes import CLASSES, COLOURS
from maskdet.detect.pipeline import load_pipeline
from maskdet.errors import InputError
from maskdet.evaluate.mistakes import FALSE_ALARM, MISSED, WRONG
from maskdet.evaluate.observe import MOST
from maskdet.evaluate.run import Evaluation, evaluate
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.ap import LEAST_SCORE
from maskdet.labels.voc import VocObject
from maskdet.types import Box

SIDE = 200
A, B = Box(10, 10, 60, 60), Box(100, 10, 160, 90)
Scenes = dict[str, list[VocObject]]


def face(box: Box, label: str = "with_mask", difficult: bool = False) -> VocObject:
    return VocObject(0, label, box, difficult)


def write_scenes(folder: Path, scenes: Scenes) -> Path:
    for name, objects in scenes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, np.full((SIDE, SIDE, 3), 128, np.uint8))
        voc.write(path.with_suffix(".xml"), path, SIDE, SIDE, objects)
    return folder


def write_lines(path: Path, said: dict[str, list[dict[str, Any]]]) -> Path:
    records = [{"source": name, "faces": faces} for name, faces in said.items()]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def detection(box: Box, label: str = "with_mask", sure: float = 0.9) -> dict[str, Any]:
    return {"box": box.to_list(), "label": label, "detector_score": sure, "score": 1}


def values(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield every figure that has a value, with its place."""
    if isinstance(tree, dict) and "value" in tree and "low" in tree:
        if tree["value"] is not None:
            yield path, tree["value"]
    elif isinstance(tree, dict):
        for key, item in tree.items():
            yield from values(item, f"{path}/{key}")
    elif isinstance(tree, list):
        for number, item in enumerate(tree):
            yield from values(item, f"{path}/{number}")


CORNER = st.integers(0, SIDE - 60)
BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), CORNER, CORNER, *[st.integers(12, 60)] * 2
)
PICTURES = st.lists(
    st.lists(
        st.builds(face, BOXES, st.sampled_from(CLASSES)), max_size=4, unique_by=lambda f: f.box
    ),
    min_size=1,
    max_size=4,
).filter(any)


@settings(max_examples=20)
@given(PICTURES, st.randoms(use_true_random=False))
def test_the_truth_itself_is_perfect(pictures: list[list[VocObject]], draw: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scenes = {f"{number % 2}/{number // 2}.png": f for number, f in enumerate(pictures)}
        data = write_scenes(Path(folder) / "scenes", scenes)
        # Shuffled: neither the order of the lines nor that of the faces may play a part.
        names = draw.sample(sorted(scenes), len(scenes))
        said = {
            name: [detection(f.box, f.label) for f in draw.sample(scenes[name], len(scenes[name]))]
            for name in names
        }
        result = evaluate(data, write_lines(Path(folder) / "said.jsonl", said), resamples=20)
    assert not result.mistakes
    assert not result.problems
    for place, value in values(result.metrics):
        assert value == (0.0 if place.endswith("false_negative_rate") else 1.0), place
    found = {
        row["not_found"] + row["wrong"] for row in result.metrics["pipeline"]["table"].values()
    }
    assert found == {0}


@pytest.fixture
def measured(tmp_path: Path) -> Evaluation:
    """Four pictures: two faces of which one is found, one taken wrongly, none, none predicted."""
    data = write_scenes(
        tmp_path / "scenes",
        {
            "a.png": [face(A), face(B, "without_mask")],
            "b.png": [face(A, "mask_worn_incorrectly"), face(B, difficult=True)],
            "empty.png": [],
            "x/a.png": [face(B, "without_mask")],
        },
    )
    said = {
        "empty.png": [detection(A, "without_mask", 0.6)],
        "b.png": [detection(A, "with_mask", 0.7), detection(B)],
        "a.png": [detection(A)],
    }
    return evaluate(data, write_lines(tmp_path / "said.jsonl", said), resamples=50)


def test_counted_by_hand(measured: Evaluation) -> None:
    metrics = measured.metrics
    assert metrics["faces"] == {"with_mask": 1, "without_mask": 2, "mask_worn_incorrectly": 1}
    assert metrics["pictures"] == 4
    assert metrics["predictions"]["pictures_without"] == 1
    unsaid, ends = measured.notes
    assert unsaid == (
        "pictures without predictions: 1, first x/a.png; their faces count as not found"
    )
    assert ends.startswith("no prediction has a score under 0.6, where the curve ends")
    detector = metrics["face_detector"]
    assert (detector["found"], detector["false_alarms"]) == (2, 1)
    assert detector["recall"]["value"] == 0.5
    assert detector["precision"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert detector["average_precision"]["value"] == 0.5
    pipeline = metrics["pipeline"]
    assert pipeline["table"] == {
        "with_mask": {"faces": 1, "right": 1, "wrong": 0, "not_found": 0},
        "without_mask": {"faces": 3, "right": 0, "wrong": 1, "not_found": 2},
    }
    assert pipeline["undetected_as_masked"]["true_negative_rate"]["value"] == 0
    assert pipeline["undetected_as_masked"]["false_negative_rate"]["value"] == 0
    assert pipeline["undetected_as_masked"]["roc_auc"]["value"] == 0.5
    assert pipeline["accuracy"]["value"] == 0.5
    by_class = pipeline["by_class"]
    assert by_class["with_mask"]["precision"]["value"] == 0.5
    assert by_class["with_mask"]["average_precision"]["value"] == 1
    assert by_class["without_mask"]["f1"]["value"] == 0
    assert pipeline["map"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    # Of two classes: a mask said twice, once rightly; of three bare faces none is called so.
    two = pipeline["two_classes"]
    assert two["with_mask"]["f1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert [two["without_mask"][key]["value"] for key in ("precision", "recall", "f1")] == [0] * 3
    assert pipeline["two_class_macro_f1"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    sizes = detector["by_size"]
    assert sizes["48 to 96 px"]["faces"] == 4
    assert sizes["48 to 96 px"]["recall"]["value"] == 0.5
    assert sizes["48 to 96 px"]["precision"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert sizes["24 to 48 px"]["recall"]["value"] is None
    assert {(item.kind, item.name, item.iou) for item in measured.mistakes} == {
        (WRONG, "b.png", 0),
        (MISSED, "a.png", 0),
        (MISSED, "x/a.png", 0),
        (FALSE_ALARM, "empty.png", 0),
    }


def test_a_false_alarm_may_lie_on_a_face_that_it_does_not_fit(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A)]})
    beside = Box(A.x1 + 25, A.y1, A.x2 + 25, A.y2)
    said = write_lines(tmp_path / "said.jsonl", {"a.png": [detection(beside)]})
    (missed, alarm) = evaluate(data, said, resamples=0).mistakes
    assert (missed.kind, alarm.kind) == (MISSED, FALSE_ALARM)
    assert alarm.iou == pytest.approx(1 / 3)


def test_the_order_of_lines_and_faces_plays_no_part(tmp_path: Path) -> None:
    random_scores = random.Random(1)
    scenes = {f"{number}.png": [face(A), face(B, CLASSES[number % 3])] for number in range(6)}
    data = write_scenes(tmp_path / "scenes", scenes)
    # Few scores, so that many are equal; two detections of the same face in each picture.
    said = {
        name: [
            detection(box, random_scores.choice(CLASSES), random_scores.choice((0.3, 0.6)))
            for box in (A, B, Box(12, 10, 62, 60))
        ]
        for name in scenes
    }
    turned = {name: faces[::-1] for name, faces in reversed(said.items())}
    one, other = (
        evaluate(data, write_lines(tmp_path / "said.jsonl", lines), 0.5, resamples=20).metrics
        for lines in (said, turned)
    )
    assert 0 < one["pipeline"]["map"]["value"] < 1
    assert one == other


def test_kinds_of_faces(tmp_path: Path) -> None:
    data = write_scenes(
        tmp_path / "scenes",
        {"a.png": [face(A), face(B)], "b.png": [face(A), face(Box(100, 100, 116, 116))]},
    )
    (data / "manifest.csv").write_text("file,source\na.png,one\nb.png,two\n")
    tags = tmp_path / "tags.csv"
    tags.write_text("file,object,tags\na.png,1,hand;black\nb.png,0,black\nb.png,7,hand\n")
    said = {"a.png": [detection(A), detection(B, "without_mask")], "b.png": [detection(A)]}
    result = evaluate(data, write_lines(tmp_path / "said.jsonl", said), tags=tags, resamples=0)
    assert [problem.split(": ")[-1] for problem in result.problems] == ["no face 7 in b.png"]
    rows = {(row["by"], row["value"]): row for row in result.metrics["slices"]}
    shown = {
        place: (row["faces"], row["found"]["value"], row["judged"], row["right"]["value"])
        for place, row in rows.items()
    }
    assert shown == {
        ("all", ""): (4, 0.75, 3, 0.6667),
        ("size", "under 24 px"): (1, 0, 0, None),
        ("size", "48 to 96 px"): (3, 1, 3, 0.6667),
        ("brightness", "medium"): (4, 0.75, 3, 0.6667),
        ("sharpness", "blurred"): (4, 0.75, 3, 0.6667),
        ("source", "one"): (2, 1, 2, 0.5),
        ("source", "two"): (2, 0.5, 1, 1),
        ("tag", "black"): (2, 1, 2, 0.5),
        ("tag", "hand"): (1, 1, 1, 0),
        ("tag", "(none)"): (2, 0.5, 1, 1),
    }
    assert rows["tag", "hand"]["recall"]["with_mask"]["faces"] == 1


def test_the_working_threshold_parts_found_from_not_found(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A), face(B)]})
    said = write_lines(
        tmp_path / "said.jsonl",
        {"a.png": [detection(A), detection(B, sure=0.3), detection(B, sure=LEAST_SCORE / 2)]},
    )
    for min_score, recall, precision in ((0.0, 1, 2 / 3), (LEAST_SCORE, 1, 1), (0.5, 0.5, 1)):
        measured = evaluate(data, said, min_score, resamples=0).metrics["face_detector"]
        assert measured["recall"]["value"] == recall
        assert measured["precision"]["value"] == pytest.approx(precision, abs=1e-4)
        assert measured["average_precision"]["value"] == 1


@pytest.mark.parametrize(
    ("bias", "accuracy", "two_classes"),
    [([0, 9, 0], 1.0, 1.0), ([9, 0, 0], 0.0, 0.0), ([0, 0, 9], 0.0, 1.0)],
)
def test_a_pipeline(
    tmp_path: Path,
    astronaut: Bgr,
    make_model: ModelMaker,
    bias: list[float],
    accuracy: float,
    two_classes: float,
) -> None:
    for name, objects in {
        "a": [face(ASTRONAUT_FACE, "without_mask")],
        "b": [face(ASTRONAUT_FACE, "without_mask"), face(A, "without_mask", difficult=True)],
    }.items():
        images.write(tmp_path / f"{name}.png", astronaut)
        voc.write(tmp_path / f"{name}.xml", f"{name}.png", 512, 512, objects)
    pipeline = load_pipeline(make_model(tmp_path / "model", bias=bias), min_score=LEAST_SCORE)
    metrics = evaluate(tmp_path, pipeline, 0.5, resamples=20).metrics
    assert metrics["face_detector"]["found"] == 2
    assert metrics["face_detector"]["false_alarms"] == 0
    boxes = metrics["true_boxes"]
    assert boxes["faces"] == 2
    assert boxes["accuracy"] == {"value": accuracy, "low": accuracy, "high": accuracy}
    assert boxes["two_class_accuracy"]["value"] == two_classes
    assert metrics["pipeline"]["two_class_accuracy"]["value"] == two_classes
    assert metrics["pipeline"]["undetected_as_masked"]["true_negative_rate"]["value"] == two_classes


def test_what_is_taken_for_background_counts_for_the_detector_alone(
    tmp_path: Path, astronaut: Bgr, make_model: ModelMaker
) -> None:
    images.write(tmp_path / "a.png", astronaut)
    voc.write(tmp_path / "a.xml", "a.png", 512, 512, [face(ASTRONAUT_FACE, "without_mask")])
    classes = ("with_mask", "without_mask", "background")
    model = make_model(tmp_path / "model", classes, bias=[0, 3, 9])
    result = evaluate(tmp_path, load_pipeline(model, min_score=LEAST_SCORE), 0.5, resamples=0)
    assert result.metrics["face_detector"]["recall"]["value"] == 1
    assert result.metrics["pipeline"]["face_recall"]["value"] == 0
    assert result.metrics["pipeline"]["map"]["value"] == 0
    # On a true box there is a face: the best of the other classes is what counts.
    assert result.metrics["true_boxes"]["accuracy"]["value"] == 1


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Crops in the colour of their class; one is in the wrong folder, one too small."""
    for name, label in {
        "with_mask/a.png": "with_mask",
        "without_mask/b.png": "without_mask",
        "without_mask/wrong.png": "with_mask",
    }.items():
        path = tmp_path / "crops" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, np.full((40, 40, 3), COLOURS[label], np.uint8))
    images.write(tmp_path / "crops/with_mask/small.png", np.zeros((20, 20, 3), np.uint8))
    return tmp_path / "crops"


def test_crops(crops: Path, tmp_path: Path, make_model: ModelMaker) -> None:
    # Two classes; green is a mask, red is none. No face is looked for in a crop.
    weights = [[0.0, 9.0], [9.0, 0.0], [0.0, 0.0]]
    model = make_model(tmp_path / "model", ("with_mask", "without_mask"), weights=weights)
    result = evaluate(crops, load_pipeline(model), 0.5, resamples=0)
    boxes = result.metrics["true_boxes"]
    assert boxes["faces"] == 3
    assert boxes["accuracy"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert boxes["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert boxes["by_class"]["mask_worn_incorrectly"]["recall"]["value"] is None
    assert "pipeline" not in result.metrics
    (mistake,) = result.mistakes
    assert (mistake.kind, mistake.path.name, mistake.box) == (WRONG, "wrong.png", None)


def test_photographs_and_crops_without_a_classifier(crops: Path) -> None:
    write_scenes(crops, {"with_mask/scene.png": [face(A)]})
    result = evaluate(crops, load_pipeline(), 0.5, resamples=0)
    assert result.notes == ["crops not measured: 4; that takes a classifier as --model"]
    assert result.metrics["face_detector"]["faces"] == 1
    assert result.metrics["face_model"] == result.metrics["model"] == "mask_detector"
    assert result.metrics["face_size"] == 640
    with pytest.raises(InputError, match="mask_detector is none: name one"):
        evaluate(crops, load_pipeline(), 0.5, exclude=["scene.png"])


@pytest.mark.parametrize(("min_score", "found"), [(0.5, MOST), (0.1, MOST + 1)])
def test_the_surest_of_a_picture_count(tmp_path: Path, min_score: float, found: int) -> None:
    boxes = [Box(x, y, x + 9, y + 9) for y in range(0, 200, 10) for x in range(0, 200, 10)]
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(box) for box in boxes[: MOST + 1]]})
    detections = [detection(box, sure=0.4 - k / 1000) for k, box in enumerate(boxes[: MOST + 1])]
    said = write_lines(tmp_path / "said.jsonl", {"a.png": detections[::-1]})
    metrics = evaluate(data, said, min_score, resamples=0).metrics
    precision = metrics["face_detector"]["average_precision"]["value"]
    assert precision == pytest.approx(found / (MOST + 1), abs=1e-4)


def test_what_lies_beyond_the_picture_counts_for_nobody(tmp_path: Path) -> None:
    edge = Box(100, 100, SIDE, SIDE)
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(edge)]})
    boxes = [Box(100, 100, 1e5, 1e300), Box(-60, 10, -10, 60)]
    said = write_lines(tmp_path / "said.jsonl", {"a.png": [detection(box) for box in boxes]})
    result = evaluate(data, said, resamples=0)
    measured = result.metrics["face_detector"]
    assert (measured["found"], measured["false_alarms"]) == (1, 0)
    assert not result.mistakes


@pytest.mark.parametrize(
    ("box", "count"),
    [
        (A, 0),
        (Box(150, 150, 300, 300), 0),
        (Box(300, 10, 400, 60), 1),
        (Box(0.05, 0.05, 0.3, 0.3), 1),  # of a picture's width and height
        (Box(10, 10, 60, 10.5), 1),
    ],
)
def test_boxes_that_are_no_pixels_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, box: Box, count: int
) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A)]})
    said = tmp_path / "said.jsonl"
    faces = [detection(A), {**detection(A), "box": [box.x1, box.y1, box.x2, box.y2]}]
    said.write_text(json.dumps({"image": "a.png", "faces": faces}))
    evaluate(data, said, resamples=0)
    assert [": 1; boxes are to be x1, y1, x2, y2" in text for text in caplog.messages] == (
        [True] * count
    )


def test_what_was_asked_for_is_recorded(
    tmp_path: Path, make_model: ModelMaker, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A)], "b.png": [face(A), face(B)]})
    tags = tmp_path / "tags.csv"
    tags.write_text("file,object,tags\na.png,0,hand\n")
    model = make_model(tmp_path / "model")
    plain = evaluate(data, load_pipeline(model, detector="ssd"), resamples=0).metrics
    assert not caplog.messages
    chosen = evaluate(
        data,
        load_pipeline(model, detector="ssd", min_face=20),
        exclude=["b.png#1", "c.*"],
        tags=tags,
        min_side=30,
        resamples=0,
    ).metrics
    more = {key: chosen[key] for key in chosen.keys() - plain.keys() - {"complaints"}}
    assert more == {
        "exclude": ["b.png#1", "c.*"],
        "min_face": 20,
        "min_side": 30,
        "tags": "tags.csv",
    }
    assert caplog.messages == ["patterns that leave nothing out: 1, first c.*"]


def test_a_working_threshold_may_be_lower_than_what_is_ranked(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A)]})
    said = write_lines(tmp_path / "said.jsonl", {"a.png": [detection(A, sure=0.04)]})
    for min_score, recall in ((0.05, 0), (0.01, 1)):
        measured = evaluate(data, said, min_score, resamples=0).metrics["face_detector"]
        assert measured["recall"]["value"] == recall
        assert measured["average_precision"]["value"] == 0


def test_one_part(crops: Path, tmp_path: Path, make_model: ModelMaker) -> None:
    pipeline = load_pipeline(make_model(tmp_path / "model"))
    with pytest.raises(InputError, match="part test: 'maskdet split'"):
        evaluate(crops, pipeline, split="test")
    rows = ["with_mask/a.png,test", "without_mask/b.png,train"]
    (crops / "manifest.csv").write_text("\n".join(["file,split", *rows]) + "\n")
    metrics = evaluate(crops, pipeline, split="test", resamples=0).metrics
    assert metrics["faces"] == {"with_mask": 1, "without_mask": 0, "mask_worn_incorrectly": 0}


def test_predictions_are_of_photographs(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="photographs with VOC files"):
        evaluate(crops, write_lines(tmp_path / "said.jsonl", {"a.png": []}))


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    data = write_scenes(tmp_path / "scenes", {"a.png": [face(A)], "b.png": [face(A)]})
    whole = (data / "b.png").read_bytes()
    (data / "b.png").write_bytes(whole[: len(whole) // 2])
    said = write_lines(tmp_path / "said.jsonl", {"a.png": [detection(A)]})
    result = evaluate(data, said, resamples=0)
    assert result.metrics["pictures"] == 1
    assert result.metrics["face_detector"]["recall"]["value"] == 1
    (problem,) = result.problems
    assert "b.png" in problem
