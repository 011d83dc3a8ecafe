"""How good faces are found, and how good all of the pipeline is. Needs scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from maskdet.classes import CLASSES, INCORRECT, WITH_MASK, WITHOUT_MASK
from maskdet.evaluate.metrics import MASKED
from maskdet.evaluate.observe import Observation
from maskdet.evaluate.truth import SIZES, shorter_side
from maskdet.labels import ap
from maskdet.labels.ap import LEAST_SCORE, Judged, Ranking, judge, ratio
from maskdet.labels.match import Matches, match
from maskdet.types import Box, Prediction

TWO_CLASSES = (WITH_MASK, WITHOUT_MASK)

Floats = npt.NDArray[np.float64]


def two_class(label: str) -> str:
    """Return the class where there are only two: a mask worn wrongly counts as none."""
    return WITHOUT_MASK if label == INCORRECT else label


def masked_score(face: Prediction) -> float:
    """Return how probable it is that a detected face wears its mask well, 0 to 1."""
    if WITH_MASK in face.scores:
        return float(face.scores[WITH_MASK])
    return face.score if face.label == WITH_MASK else 1 - face.score


class Detection:
    """Detections on photographs, beside the truth, to be counted with any weights.

    ``observations`` are those of photographs (not of crops). A detection is for the class of
    its label. At the working threshold, detections are matched to faces whatever their class
    (``match``), and the classes are compared then; for average precision those of each class
    are matched by themselves (``ap.judge``), ranked by the detector's score times that of the
    class.
    """

    def __init__(self, observations: Sequence[Observation], min_score: float) -> None:
        self.observations = list(observations)
        self.min_score = min_score
        self.matches: list[Matches] = []
        count, classes = len(self.observations), len(CLASSES)
        self.faces, self.right, self.labelled = (np.zeros((count, classes)) for _ in range(3))
        self.found, self.found_two_right = np.zeros((count, classes)), np.zeros(count)
        self.false_alarms = np.zeros(count)
        self.detected, self.detected_falsely = np.zeros(count), np.zeros(count)
        masked, scores, picture = [], [], []
        for place, item in enumerate(self.observations):
            truth = item.picture.faces
            working = working_set(item, min_score)
            matches = match(truth, [face.box for face in working])
            self.matches.append(matches)
            alone = match(truth, [face.box for face in item.detected if face.score >= min_score])
            self.detected[place] = len(alone.pairs)
            self.detected_falsely[place] = len(alone.false_alarms)
            for face in item.picture.counted:
                self.faces[place, CLASSES.index(face.label)] += 1
            by_face = dict(matches.pairs)
            for number in (*by_face.values(), *matches.false_alarms):
                self.labelled[place, CLASSES.index(working[number].label)] += 1
            self.false_alarms[place] = len(matches.false_alarms)
            for index, face in enumerate(truth):
                if face.difficult:
                    continue
                masked.append(face.label == WITH_MASK)
                picture.append(place)
                if index not in by_face:
                    scores.append(1.0)
                    continue
                seen = working[by_face[index]]
                scores.append(masked_score(seen))
                label = CLASSES.index(face.label)
                self.found[place, label] += 1
                self.right[place, label] += seen.label == face.label
                self.found_two_right[place] += two_class(seen.label) == two_class(face.label)
        self.masked = np.array(masked, bool)
        self.masked_scores = np.array(scores, np.float64)
        self.picture = np.array(picture, np.int64)
        self.rankings = self._rankings()

    def _rankings(self) -> dict[str, Ranking]:
        def whole(item: Observation, within: Callable[[Box], bool] | None = None) -> Judged:
            ranked = [face for face in item.detected if face.score >= LEAST_SCORE]
            boxes, scores = [face.box for face in ranked], [face.score for face in ranked]
            return judge(item.picture.faces, boxes, scores, within=within)

        rankings = {"face": Ranking(map(whole, self.observations))}
        for label in CLASSES:
            rankings[label] = Ranking(_judge_class(item, label) for item in self.observations)
        for label in TWO_CLASSES:
            rankings[f"two/{label}"] = Ranking(
                _judge_class(item, label, two=True) for item in self.observations
            )
        for name, (low, high) in SIZES.items():
            inside = partial(_of_size, low, high)
            rankings[f"size/{name}"] = Ranking(whole(item, inside) for item in self.observations)
        return rankings

    def detector(self, weights: Floats) -> dict[str, float]:
        """Measure the face detector alone: recall and precision at the working threshold, AP.

        Those ``by_size`` are of the faces of a size, and of the false alarms of that size.

        Args:
            weights: how often each picture counts, shape (pictures,).
        """
        found, faces = float(weights @ self.detected), float(weights @ self.faces.sum(1))
        figures = {
            "recall": ratio(found, faces),
            "precision": ratio(found, found + float(weights @ self.detected_falsely)),
            "average_precision": self.rankings["face"].average_precision(weights),
        }
        for name in SIZES:
            ranking = self.rankings[f"size/{name}"]
            recall, precision = ranking.at(self.min_score, weights)
            figures[f"by_size/{name}/recall"] = recall
            figures[f"by_size/{name}/precision"] = precision
            figures[f"by_size/{name}/average_precision"] = ranking.average_precision(weights)
        return figures

    def pipeline(self, weights: Floats) -> dict[str, float]:
        """Measure detector and classifier together.

        ``accuracy`` and ``two_class_accuracy`` are of faces that are found, ``face_recall`` and
        ``face_precision`` those of the detector without what the classifier holds to be
        background. ``undetected_as_masked/...`` are those of
        the study of dataroots (tutorial-face-mask-detection, 2020), in which a mask worn wrongly
        counts as none: ``true_negative_rate`` is the share of bare faces that are found and
        called so, ``false_negative_rate`` that of masked faces that are called bare, and
        ``roc_auc`` has a face that is not found as one that is masked for certain.

        Args:
            weights: how often each picture counts, shape (pictures,).
        """
        faces, found, right, labelled = (
            weights @ values for values in (self.faces, self.found, self.right, self.labelled)
        )
        two_right = float(weights @ self.found_two_right)
        figures = {
            "accuracy": ratio(right.sum(), found.sum()),
            "two_class_accuracy": ratio(two_right, found.sum()),
            "face_recall": ratio(found.sum(), faces.sum()),
            "face_precision": ratio(found.sum(), found.sum() + weights @ self.false_alarms),
        }
        three = {
            name: _counted(right[column], faces[column], labelled[column])
            | {"average_precision": self.rankings[name].average_precision(weights)}
            for column, name in enumerate(CLASSES)
        }
        said = {WITH_MASK: labelled[MASKED], WITHOUT_MASK: labelled.sum() - labelled[MASKED]}
        two = {
            name: _counted(row["right"], row["faces"], said[name])
            | {"average_precision": self.rankings[f"two/{name}"].average_precision(weights)}
            for name, row in self.table(weights).items()
        }
        for place, classes, prefix in (("by_class", three, ""), ("two_classes", two, "two_class_")):
            for name, values in classes.items():
                figures |= {f"{place}/{name}/{key}": value for key, value in values.items()}
            # Means are over the classes that there is a true face of.
            for mean, key in (("map", "average_precision"), ("macro_f1", "f1")):
                figures[prefix + mean] = ap.mean(values[key] for values in classes.values())
        return figures | self._undetected_as_masked(weights)

    def _undetected_as_masked(self, weights: Floats) -> dict[str, float]:
        table = self.table(weights)
        bare, masked = table["without_mask"], table["with_mask"]
        weight = weights[self.picture]
        used = weight > 0
        both = self.masked[used].any() and not self.masked[used].all()
        place = "undetected_as_masked"
        return {
            f"{place}/true_negative_rate": ratio(bare["right"], bare["faces"]),
            f"{place}/false_negative_rate": ratio(masked["wrong"], masked["faces"]),
            f"{place}/roc_auc": float(
                roc_auc_score(
                    self.masked[used], self.masked_scores[used], sample_weight=weight[used]
                )
            )
            if both
            else math.nan,
        }

    def table(self, weights: Floats) -> dict[str, dict[str, float]]:
        """Count, of masked and of bare faces, those found and right, found and wrong, not found.

        Args:
            weights: how often each picture counts, shape (pictures,).
        """
        columns = np.arange(len(CLASSES)) == MASKED
        all_right = float(weights @ self.found_two_right)
        masked_right = float((weights @ self.right)[MASKED])
        rows = {}
        for name, own, right in (
            (WITH_MASK, columns, masked_right),
            (WITHOUT_MASK, ~columns, all_right - masked_right),
        ):
            faces, found = ((weights @ values)[own].sum() for values in (self.faces, self.found))
            rows[name] = {
                "faces": float(faces),
                "right": right,
                "wrong": float(found) - right,
                "not_found": float(faces - found),
            }
        return rows


def _counted(right: float, faces: float, labelled: float) -> dict[str, float]:
    """Return precision, recall and F1 of a class; nan if there is no true face of it."""
    if not faces:
        return dict.fromkeys(("precision", "recall", "f1"), math.nan)
    return {
        "precision": right / labelled if labelled else 0.0,  # of a class that is never said
        "recall": right / faces,
        "f1": 2 * right / (faces + labelled),
    }


def working_set(item: Observation, min_score: float) -> list[Prediction]:
    """Return the detections that reach the working threshold, the surest first."""
    return [face for face in item.found if face.detector_score >= min_score]


def _judge_class(item: Observation, label: str, two: bool = False) -> Judged:
    def name(said: str) -> str:
        return two_class(said) if two else said

    truth = [replace(face, label=name(face.label)) for face in item.picture.faces]
    ranked = (face for face in item.found if face.detector_score >= LEAST_SCORE)
    own = [face for face in ranked if name(face.label) == label]
    scores = [face.detector_score * _score(face, label, two) for face in own]
    return judge(truth, [face.box for face in own], scores, label)


def _score(face: Prediction, label: str, two: bool) -> float:
    if not two:
        return face.score
    return masked_score(face) if label == WITH_MASK else 1 - masked_score(face)


def _of_size(low: float, high: float, box: Box) -> bool:
    return low <= shorter_side(box) < high
