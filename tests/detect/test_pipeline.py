from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import ASTRONAUT_FACE, ModelMaker
from squares import make_detector

from maskdet.detect.pipeline import Pipeline, load_pipeline
from maskdet.errors import ModelError
from maskdet.faces.own import OwnFaceDetector
from maskdet.faces.ssd import SsdFaceDetector
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.types import Box, Face

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # BGR
BY_COLOUR = [[20, 0, 0], [0, 20, 0], [0, 0, 20]]
SQUARES = [Box(0, 0, 50, 50), Box(50, 0, 100, 50), Box(100, 0, 150, 50)]


@dataclasses.dataclass
class Always:
    """A detector that finds the same faces in every picture."""

    faces: list[Face]
    name: str = "always"

    def detect(self, image: Bgr) -> list[Face]:
        return self.faces


@pytest.fixture(scope="module")
def three_colours() -> Bgr:
    image = np.empty((50, 150, 3), np.uint8)
    for index, colour in enumerate((RED, GREEN, BLUE)):
        image[:, index * 50 : (index + 1) * 50] = colour
    return image


def found(*boxes: Box) -> list[Face]:
    return [Face(box, 0.9 - index / 10) for index, box in enumerate(boxes)]


def test_every_face_gets_its_own_class(
    three_colours: Bgr, tmp_path: Path, make_model: ModelMaker
) -> None:
    model = make_model(tmp_path / "tiny", weights=BY_COLOUR)
    pipeline = Pipeline(Always(found(*SQUARES[::-1])), Classifier(model))
    result = pipeline(three_colours, "some/where/a.jpg", frame=7, time_s=0.5)
    assert [face.label for face in result.faces] == [
        "mask_worn_incorrectly",
        "without_mask",
        "with_mask",
    ]
    assert [face.box for face in result.faces] == SQUARES[::-1]
    assert [face.detector_score for face in result.faces] == pytest.approx([0.9, 0.8, 0.7])
    for face in result.faces:
        assert face.score == face.scores[face.label] == max(face.scores.values())
        assert sum(face.scores.values()) == pytest.approx(1)
    assert (result.source, result.image) == ("some/where/a.jpg", "a.jpg")
    assert (result.width, result.height, result.frame, result.time_s) == (150, 50, 7, 0.5)
    assert result.error is None


def test_a_model_of_two_classes(three_colours: Bgr, tmp_path: Path, make_model: ModelMaker) -> None:
    classes = ("without_mask", "with_mask")  # in an order of its own
    model = make_model(tmp_path / "two", classes, weights=[[20, 0], [0, 20], [0, 0]])
    pipeline = Pipeline(Always(found(*SQUARES)), Classifier(model))
    assert pipeline.classes == classes
    first, second, third = pipeline(three_colours).faces
    assert (first.label, second.label) == ("without_mask", "with_mask")
    assert third.scores == pytest.approx({"without_mask": 0.5, "with_mask": 0.5})


def test_what_is_taken_for_background_is_left_out(
    three_colours: Bgr, tmp_path: Path, make_model: ModelMaker
) -> None:
    classes = ("with_mask", "background", "without_mask")
    model = make_model(tmp_path / "three", classes, weights=[[3, 2, 1], [0, 20, 0], [0, 0, 20]])
    pipeline = Pipeline(Always(found(*SQUARES)), Classifier(model))
    assert pipeline.classes == ("with_mask", "without_mask")
    first, second = pipeline(three_colours).faces
    assert (first.box, second.box) == (SQUARES[0], SQUARES[2])
    # What background had is shared out among the others.
    odds = np.exp(3) / (np.exp(3) + np.exp(1))
    assert first.scores == pytest.approx({"with_mask": odds, "without_mask": 1 - odds})


def test_a_detectors_own_scores_are_taken(
    three_colours: Bgr, tmp_path: Path, make_model: ModelMaker
) -> None:
    faces = found(*SQUARES)
    faces[1] = dataclasses.replace(faces[1], scores={"with_mask": 0.2, "without_mask": 0.8})
    faces.append(Face(SQUARES[0], 0.1, {"with_mask": 0.1, "background": 0.9}))
    pipeline = Pipeline(Always(faces), Classifier(make_model(tmp_path / "t", weights=BY_COLOUR)))
    labels = [face.label for face in pipeline(three_colours).faces]
    assert labels == ["with_mask", "without_mask", "mask_worn_incorrectly"]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        ("photo.jpg", TypeError, "this is str"),
        (np.zeros((40, 60, 3), np.float32), TypeError, "of float32"),
        (np.zeros((40, 60), np.uint8), ValueError, r"\(40, 60\)"),
        (np.zeros((40, 60, 4), np.uint8), ValueError, r"\(40, 60, 4\)"),
        (np.zeros((0, 0, 3), np.uint8), ValueError, r"not empty.*\(0, 0, 3\)"),
    ],
)
def test_what_is_no_image_is_refused(
    tmp_path: Path, make_model: ModelMaker, image: Any, error: type[Exception], message: str
) -> None:
    pipeline = Pipeline(Always([]), Classifier(make_model(tmp_path / "tiny")))
    with pytest.raises(error, match=message):
        pipeline(image)


def test_no_face_is_a_result(tmp_path: Path, make_model: ModelMaker) -> None:
    pipeline = load_pipeline(make_model(tmp_path / "tiny"))
    result = pipeline(np.zeros((1, 1, 3), np.uint8), "dot.png")
    assert (result.width, result.height, result.faces, result.error) == (1, 1, (), None)


def test_the_shipped_model_sees_that_the_astronaut_wears_no_mask(astronaut: Bgr) -> None:
    (face,) = load_pipeline()(astronaut).faces
    assert face.label == "without_mask"
    assert face.box.iou(ASTRONAUT_FACE) > 0.6


def test_the_models_threshold_holds_unless_another_is_given(
    astronaut: Bgr, tmp_path: Path, make_model: ModelMaker
) -> None:
    folder = make_model(tmp_path / "tiny")
    info = store.load_info(folder)
    store.save_info(folder, dataclasses.replace(info, thresholds={"ssd": 1.0}))
    assert load_pipeline(folder, "ssd")(astronaut).faces == ()
    assert len(load_pipeline(folder, "ssd", min_score=0.5)(astronaut).faces) == 1
    assert load_pipeline(folder, "ssd", min_score=0.5, min_face=400)(astronaut).faces == ()


def test_threads_hold_for_opencv_too(tmp_path: Path, make_model: ModelMaker) -> None:
    before = cv2.getNumThreads()
    try:
        load_pipeline(make_model(tmp_path / "tiny"), threads=1)
        assert cv2.getNumThreads() == 1
        load_pipeline(tmp_path / "tiny")
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_a_missing_model_is_told() -> None:
    with pytest.raises(ModelError, match="no model 'nothing'"):
        load_pipeline("nothing")


def two_squares() -> Bgr:
    image = np.zeros((480, 640, 3), np.uint8)
    image[100:116, 200:216] = RED
    image[300:316, 400:416] = BLUE
    return image


@pytest.mark.parametrize(
    ("options", "names", "labels", "score"),
    [
        ({}, "squares", ["with_mask", "without_mask"], 1.0),
        ({"classifier": "none"}, "squares", ["with_mask", "without_mask"], 1.0),
        ({"model": "squares"}, "squares", ["with_mask", "without_mask"], 1.0),
        ({"model": "other"}, "other", ["mask_worn_incorrectly", "with_mask"], 1.0),
        (
            {"model": "other", "classifier": "other"},
            *("other", ["mask_worn_incorrectly", "with_mask"], 1.0),
        ),
        ({"classifier": "other"}, "other", ["mask_worn_incorrectly", "with_mask"], 1.0),
        (
            {"model": "squares", "classifier": "other"},
            *("other", ["mask_worn_incorrectly", "with_mask"], 1.0),
        ),
        (
            {"model": "unsure", "classifier": "both"},
            *("squares + unsure", ["with_mask", "without_mask"], 0.6),
        ),
        (
            {"classifier": "both"},
            *("squares + mask_mobilenetv2", ["with_mask", "without_mask"], None),
        ),
    ],
)
def test_who_labels_where_the_detector_does(
    options: dict[str, str],
    names: str,
    labels: list[str],
    score: float | None,
    tmp_path: Path,
    make_model: ModelMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    squares = make_detector(tmp_path / "squares")
    monkeypatch.setenv("MASKDET_MODEL_DIR", str(tmp_path))
    # Of the one face the classifier is sure, if in its way; to the other it gives 1 : 4.
    weights = [[0.0, 0, 50], [0, 0, 0], [50, 0, 0]]
    make_model(tmp_path / "other", weights=weights, margin=0.05)
    bias = [float(np.log(v)) for v in (0.2, 0.2, 0.6)]
    make_model(tmp_path / "unsure", bias=bias, margin=0.2)
    face_model = None if options.get("model") == "squares" else squares
    pipeline = load_pipeline(face_model=face_model, **options)  # type: ignore[arg-type]
    found = sorted(pipeline(two_squares()).faces, key=lambda face: face.box.x1)
    assert [face.label for face in found] == labels
    if score is not None:
        assert [face.score for face in found] == pytest.approx([score] * 2, abs=1e-4)
    known = {"with_mask", "without_mask"}
    assert pipeline.model == names
    assert (pipeline.classifier is None) == (names == "squares")
    assert set(pipeline.classes) == known | (
        set() if names == "squares" else {"mask_worn_incorrectly"}
    )
    assert pipeline.margin == {"other": 0.05, "squares + unsure": 0.2}.get(names, 0.1)


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"model": "squares", "detector": "ssd"}, "squares finds the faces itself"),
        (ValueError, {"model": "squares", "face_model": "squares"}, "squares are both detectors"),
        (ValueError, {"model": "tiny", "classifier": "other"}, "tiny is a classifier, but .*other"),
        (ValueError, {"model": "tiny", "classifier": "none"}, "tiny is a classifier, but .* none"),
        (ValueError, {"detector": "ssd", "classifier": "both"}, "is for the detector maskdet"),
        (ValueError, {"detector": "nobody"}, "no face detector 'nobody', only maskdet, ssd"),
        (ValueError, {"detector": "haar", "face_size": 300}, "haar has no size to be chosen"),
        (ModelError, {"face_model": "tiny"}, "tiny is a classifier, not a detector"),
        (ModelError, {"classifier": "squares"}, "squares is a detector, not a classifier"),
    ],
)
def test_choices_that_do_not_fit_together_are_refused(
    error: type[Exception],
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    make_model: ModelMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MASKDET_MODEL_DIR", str(tmp_path))
    make_detector(tmp_path / "squares")
    make_model(tmp_path / "tiny")
    with pytest.raises(error, match=message):
        load_pipeline(**options)


@pytest.mark.parametrize("moving", [False, True])
def test_what_moves_is_not_looked_at_closely(moving: bool) -> None:
    own = load_pipeline(moving=moving).detector
    ssd = load_pipeline(detector="ssd", moving=moving).detector
    assert isinstance(own, OwnFaceDetector)
    assert isinstance(ssd, SsdFaceDetector)
    assert own.closer == (math.inf if moving else 1920)
    assert own.size == (544 if moving else 640)
    assert ssd.size == (300 if moving else 450)
    for detector in ("maskdet", "ssd"):
        chosen = load_pipeline(detector=detector, face_size=400, moving=moving).detector
        assert isinstance(chosen, OwnFaceDetector | SsdFaceDetector)
        assert chosen.size == 400


def test_somebody_has_to_label(tmp_path: Path, make_model: ModelMaker) -> None:
    with pytest.raises(ValueError, match="labels of its own"):
        Pipeline(Always([]), None)
    # The model's threshold is that of the detector's own model, not of the classifier's.
    folder = make_model(tmp_path / "tiny")
    store.save_info(folder, dataclasses.replace(store.load_info(folder), thresholds={"maskdet": 1}))
    squares = make_detector(tmp_path / "squares")
    assert load_pipeline(folder, "maskdet", squares, classifier="both").detector.min_score == 0.3
