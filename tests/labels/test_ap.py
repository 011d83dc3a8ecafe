from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskdet.classes import CLASSES
from maskdet.labels.ap import Judged, Ranking, average_precision, judge, mean
from maskdet.labels.voc import VocObject
from maskdet.types import Box

A, B, C = Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(40, 0, 50, 10)


def face(box: Box, label: str = "with_mask", difficult: bool = False) -> VocObject:
    return VocObject(0, label, box, difficult)


@pytest.mark.parametrize(
    ("hits", "faces", "expected"),
    [
        ([], 1, 0.0),
        ([1], 1, 1.0),
        ([1], 2, 0.5),
        ([0, 1], 1, 0.5),
        ([1, 0], 1, 1.0),
        # Precision 1, 1/2, 2/3, 2/4, 3/5 at the hits 1, 3 and 5, of four faces.
        ([1, 0, 1, 0, 1], 4, (1 + 2 / 3 + 3 / 5) / 4),
        # The envelope: the third hit lifts the second.
        ([1, 0, 0, 1, 1], 3, (1 + 3 / 5 + 3 / 5) / 3),
    ],
)
def test_counted_by_hand(hits: list[int], faces: int, expected: float) -> None:
    scores = tuple(1 - k / 10 for k in range(len(hits)))
    assert average_precision([Judged(scores, tuple(map(bool, hits)), faces)]) == pytest.approx(
        expected
    )


def test_nothing_to_find() -> None:
    assert math.isnan(average_precision([]))
    assert math.isnan(average_precision([Judged((0.5,), (False,), 0)]))


def test_only_faces_of_the_class_count_and_difficult_ones_of_any() -> None:
    truth = [face(A), face(B, "without_mask"), face(C, "without_mask", difficult=True)]
    found = judge(truth, [C, B, A], [0.9, 0.8, 0.7], "with_mask")
    assert found == Judged((0.8, 0.7), (False, True), 1)
    assert judge(truth, [C, B, A], [0.9, 0.8, 0.7]) == Judged((0.8, 0.7), (True, True), 2)


def test_the_surest_detection_takes_the_face() -> None:
    near = Box(1, 0, 11, 10)
    assert judge([face(A)], [A, near], [0.3, 0.6]).hits == (True, False)


def test_equal_scores_count_together() -> None:
    pictures = [Judged((0.5,), (False,), 1), Judged((0.5,), (True,), 0)]
    assert average_precision(pictures) == average_precision(pictures[::-1]) == 0.5


def test_weights_are_repetitions() -> None:
    pictures = [
        Judged((0.9, 0.4), (True, False), 2),
        Judged((0.8,), (False,), 1),
        Judged((0.7, 0.2), (True, True), 2),
    ]
    drawn = [pictures[k] for k in (0, 2, 2)]
    assert Ranking(pictures).average_precision([1, 0, 2]) == pytest.approx(average_precision(drawn))
    assert math.isnan(Ranking(pictures).average_precision([0, 0, 0]))


def test_the_curve() -> None:
    ranking = Ranking([Judged((0.9, 0.4), (True, False), 2), Judged((0.7,), (True,), 0)])
    recall, precision, threshold = ranking.curve()
    np.testing.assert_allclose(recall, [0.5, 1.0, 1.0])
    np.testing.assert_allclose(precision, [1.0, 1.0, 2 / 3])
    np.testing.assert_allclose(threshold, [0.9, 0.7, 0.4])


@pytest.mark.parametrize(
    ("threshold", "recall", "precision"),
    [(0.95, 0, math.nan), (0.9, 0.25, 1), (0.5, 0.5, 2 / 3), (0, 0.75, 0.75)],
)
def test_at_a_threshold(threshold: float, recall: float, precision: float) -> None:
    ranking = Ranking([Judged((0.9, 0.6, 0.5, 0.4), (True, False, True, True), 4)])
    assert ranking.at(threshold) == pytest.approx((recall, precision), nan_ok=True)
    assert ranking.at(threshold, [3]) == pytest.approx((recall, precision), nan_ok=True)
    assert ranking.at(threshold, [0]) == pytest.approx((math.nan, math.nan), nan_ok=True)


def test_the_mean_passes_over_what_is_missing() -> None:
    assert mean([0.5, float("nan"), 1.0]) == 0.75
    assert math.isnan(mean([float("nan")]))


BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *[st.integers(0, 30)] * 2,
    *[st.integers(5, 30)] * 2,
)


@given(
    st.lists(
        st.lists(st.builds(face, BOXES), max_size=5, unique_by=lambda item: item.box),
        min_size=1,
        max_size=5,
    )
)
def test_the_truth_itself_is_perfect(pictures: list[list[VocObject]]) -> None:
    judged = [
        judge(truth, [item.box for item in truth], [0.5] * len(truth), "with_mask")
        for truth in pictures
    ]
    if any(pictures):
        assert average_precision(judged) == pytest.approx(1)


Detections = tuple[list[Box], list[str], list[float]]


def random_scenes(seed: int) -> list[tuple[list[VocObject], Detections]]:
    """Crowded pictures, half of the detections near a true face; scores are all different."""
    random = np.random.default_rng(seed)
    scenes = []
    for _ in range(30):
        corners = random.uniform(0, 80, (int(random.integers(0, 9)), 2))
        sides = random.uniform(10, 40, corners.shape)
        truth = [
            VocObject(
                k, CLASSES[random.integers(3)], Box(x, y, x + w, y + h), bool(random.random() < 0.2)
            )
            for k, ((x, y), (w, h)) in enumerate(zip(corners, sides, strict=True))
        ]
        near = [
            Box(*(np.array([t.box.x1, t.box.y1, t.box.x2, t.box.y2]) + random.normal(0, 3, 4)))
            for t in truth
        ]
        anywhere = [Box(x, y, x + 20, y + 20) for x, y in random.uniform(0, 80, (5, 2))]
        boxes = near + anywhere
        labels = [CLASSES[k] for k in random.integers(0, 3, len(boxes))]
        labels[: len(truth)] = [
            item.label if random.random() < 0.8 else label
            for item, label in zip(truth, labels, strict=False)
        ]
        scenes.append((truth, (boxes, labels, random.random(len(boxes)).tolist())))
    return scenes


def coco_average_precision(
    scenes: list[tuple[list[VocObject], Detections]], label: str, faces: int
) -> float:
    """Return pycocotools' precision at every recall that can occur, on average.

    Its ``iscrowd`` is what ``difficult`` is here: a detection may lie in it by half.
    """

    def corners(box: Box) -> list[float]:
        return [box.x1, box.y1, box.width, box.height]

    truth = COCO()
    truth.dataset = {
        "images": [{"id": k} for k in range(len(scenes))],
        "categories": [{"id": 1}],
        "annotations": [
            {"image_id": k, "category_id": 1, "bbox": corners(item.box), "area": item.box.area}
            | {"iscrowd": int(item.difficult)}
            for k, (objects, _) in enumerate(scenes)
            for item in objects
            if item.difficult or item.label == label
        ],
    }
    for number, annotation in enumerate(truth.dataset["annotations"], 1):
        annotation["id"] = number
    found = [
        {"image_id": k, "category_id": 1, "bbox": corners(box), "score": score}
        for k, (_, (boxes, labels, scores)) in enumerate(scenes)
        for box, name, score in zip(boxes, labels, scores, strict=True)
        if name == label
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.recThrs = np.arange(1, faces + 1) / faces - 1e-9
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [1000]
        evaluation.evaluate()
        evaluation.accumulate()
    return float(np.mean(evaluation.eval["precision"]))


@pytest.mark.parametrize("seed", range(5))
def test_pycocotools_says_the_same(seed: int) -> None:
    scenes = random_scenes(seed)
    for label in CLASSES:
        judged = []
        for truth, (boxes, labels, scores) in scenes:
            own = [k for k, name in enumerate(labels) if name == label]
            judged.append(judge(truth, [boxes[k] for k in own], [scores[k] for k in own], label))
        faces = sum(item.faces for item in judged)
        value = average_precision(judged)
        assert 0.1 < value < 0.95
        assert value == pytest.approx(coco_average_precision(scenes, label, faces), abs=1e-9)
