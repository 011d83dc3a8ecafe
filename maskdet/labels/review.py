"""Which labels are probably wrong, and which pictures to look at first."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet import images
from maskdet.errors import InputError
from maskdet.faces.base import FaceDetector
from maskdet.faces.crop import crop_faces, region
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.dataset import Sample
from maskdet.layout import pictures, voc_path
from maskdet.models.classifier import Classifier
from maskdet.models.store import ModelInfo
from maskdet.progress import SILENT, Progress
from maskdet.types import Box


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model thinks of one face.

    ``box`` is None where the whole picture is the face. ``label`` is None where nobody has
    said, ``proposed`` the most probable class but for the label; ``scores`` are the balanced
    probabilities of both, see ``balance``. ``doubt``, -1 to 1, is the normalised margin with
    its sign turned: the proposal's probability less the label's. Over 0, the model would
    have labelled otherwise; of a face without a label it is 0 at most, the second class's
    probability less the first's.
    """

    path: Path
    box: Box | None
    label: str | None
    proposed: str
    scores: dict[str, float]
    doubt: float

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as ``maskdet label check --json`` prints it."""
        return {
            "source": str(self.path),
            "box": self.box.to_list() if self.box else None,
            "label": self.label,
            "proposed": self.proposed,
            "scores": {name: round(value, 4) for name, value in self.scores.items()},
            "doubt": round(self.doubt, 4),
        }


@dataclass(slots=True)
class Review:
    """Verdicts, the greatest doubt first.

    ``left_out`` counts faces that are difficult or labelled with a class that the model does
    not know; ``problems`` says in words what could not be processed.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)

    def suspects(self, limit: int | None = None) -> list[Verdict]:
        """Return those whose label the model would not have given, at most ``limit``."""
        return [verdict for verdict in self.verdicts if verdict.doubt > 0][:limit]


def balance(info: ModelInfo) -> npt.NDArray[np.float64]:
    """Return the factor for each class that takes a model's bias to frequent classes out.

    Class weights make up for rare classes only in part: what is left of the imbalance is the
    number of training faces to the power of 1 - ``class_weight_power``. Probabilities that
    are divided by that (and normalised) are those of a model for equally frequent classes.
    On the labels of a real collection that put more of the wrong ones in front than the bare
    probabilities, their mean over mirrored faces or the votes of the nearest neighbours.

    Returns:
        float64, shape (classes,); ones where the model does not say what it was trained on.
    """
    counts = info.training.get("faces", {})
    power = info.training.get("options", {}).get("class_weight_power", 1.0)
    faces = np.array([float(counts.get(name, 0)) for name in info.classes])
    return faces ** (power - 1) if faces.all() else np.ones(len(faces))


def check(samples: Sequence[Sample], classifier: Classifier, progress: Progress = SILENT) -> Review:
    """Rank labelled faces by how probably their label is wrong.

    A label's margin over the best other class tells wrong labels from right ones (Northcutt,
    Jiang, Chuang: Confident Learning, 2021), and does so also where the model has learnt from
    these very labels: augmentation and label smoothing keep it from learning them by heart.

    Args:
        samples: the labelled faces; those that are ``difficult`` are left out.
        classifier: should run on one thread, as pictures are worked on in parallel.
        progress: makes the bar.
    """
    review = Review()
    places: dict[Path, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.difficult or sample.label not in classifier.info.classes:
            review.left_out += 1
        else:
            places[sample.path].append(sample)

    def one(item: tuple[Path, list[Sample]]) -> list[Verdict] | str:
        path, faces = item
        try:
            image = images.read(path)
        except InputError as error:
            return str(error)
        return _judge(path, image, [(face.box, face.label) for face in faces], classifier)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(one, places.items())
        for result in progress(done, total=len(places), desc="check", unit="picture"):
            if isinstance(result, str):
                review.problems.append(result)
            else:
                review.verdicts += result
    review.verdicts.sort(key=lambda verdict: -verdict.doubt)
    return review


def suggest(
    root: Path, detector: FaceDetector, classifier: Classifier, progress: Progress = SILENT
) -> tuple[list[tuple[Path, Verdict | None]], list[str]]:
    """Order the pictures of a folder by how much a look at them is worth.

    First come those whose label and model disagree, then those of which the model is least
    sure; of a picture its most doubtful face counts. A picture without a VOC file has the
    faces that ``detector`` finds. Last are pictures without a face to judge.

    Args:
        root: the folder, with all below it.
        detector: for pictures without a VOC file.
        classifier: the model.
        progress: makes the bar.

    Returns:
        The pictures in that order, each with the verdict on that face, and in words what
        could not be processed.

    Raises:
        InputError: ``root`` is no folder.
    """
    found, problems = pictures(root)
    order: list[tuple[Path, Verdict | None]] = []
    for path in progress(found, desc="suggest", unit="picture"):
        try:
            image = images.read(path)
            height, width = image.shape[:2]
            faces: list[tuple[Box | None, str | None]]
            if voc_path(path).is_file():
                file = voc.read(voc_path(path), width, height)
                problems += file.problems
                known = classifier.info.classes
                labelled = [face for face in file.objects if not face.difficult]
                faces = [(face.box, face.label) for face in labelled if face.label in known]
            else:
                faces = [(face.box, None) for face in detector.detect(image)]
        except InputError as error:
            problems.append(str(error))
            continue
        verdicts = _judge(path, image, faces, classifier)
        order.append((path, max(verdicts, key=lambda verdict: verdict.doubt, default=None)))
    order.sort(key=lambda item: -item[1].doubt if item[1] else 1.0)
    return order, problems


def _judge(
    path: Path,
    image: Bgr,
    faces: Sequence[tuple[Box | None, str | None]],
    classifier: Classifier,
) -> list[Verdict]:
    info = classifier.info
    crops = [
        crop_faces(image, [place], info.image_size, margin)
        for place, margin in (region(image, box, info.margin) for box, _ in faces)
    ]
    if not crops:
        return []
    scores = classifier.predict(np.concatenate(crops)) * balance(info)
    scores /= scores.sum(axis=1, keepdims=True)
    verdicts = []
    for (box, label), row in zip(faces, scores, strict=True):
        best, second = np.argsort(-row)[:2]
        given = best if label is None else info.classes.index(label)
        other = second if given == best else best
        proposed = best if label is None else other
        verdicts.append(
            Verdict(
                path,
                box,
                label,
                info.classes[proposed],
                dict(zip(info.classes, row.tolist(), strict=True)),
                float(row[other] - row[given]),
            )
        )
    return verdicts
