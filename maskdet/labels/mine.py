"""Crops as the classifier meets them at work: faces as a detector boxes them, its false alarms."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from maskdet import files, images
from maskdet.classes import BACKGROUND
from maskdet.errors import InputError, OutputError
from maskdet.faces.base import FaceDetector
from maskdet.faces.crop import square_around
from maskdet.images import Bgr
from maskdet.labels import cutting, voc
from maskdet.labels.crop import MARGIN, check_apart
from maskdet.labels.manifest import Manifest, refuse_part
from maskdet.labels.match import match
from maskdet.labels.records import Names
from maskdet.labels.voc import VocObject
from maskdet.layout import pictures, voc_path
from maskdet.progress import SILENT, Progress
from maskdet.types import Box, Face

MIN_SCORE = 0.2
MIN_SCORES = {"maskdet": 0.3}
"""Least confidence of the detector, of some another: lower than at work, where false alarms are
rare."""

DETECTED, FALSE_ALARM = "detected", "false_alarm"
"""What the manifest's column ``kind`` says."""

_TOUCH_IOU = 0.1
_TOUCH_PART = 0.5


@dataclass(slots=True)
class Mined:
    """What was cut out: counts, and in words what failed.

    ``found`` are the crops of true faces by class, ``missed`` faces that were not found,
    ``false_alarms`` the crops of background. Left out are detections that are ``neither``, false
    alarms in which a second detector has ``seen`` a face, pictures ``unlabelled`` (without a
    VOC file) and ``proposals`` that nobody has looked at.
    """

    found: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    false_alarms: int = 0
    neither: int = 0
    seen: int = 0
    unlabelled: int = 0
    proposals: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Crop:
    """A detection, and the true face that it matches, if it does."""

    face: Face
    truth: VocObject | None

    @property
    def label(self) -> str:
        return self.truth.label if self.truth else BACKGROUND

    def row(self, margin: float) -> dict[str, str]:
        corners = zip(("x1", "y1", "x2", "y2"), self.face.box.to_list(), strict=True)
        row = {
            "class": self.label,
            "kind": DETECTED if self.truth else FALSE_ALARM,
            **{key: f"{value:g}" for key, value in corners},
            "margin": f"{margin:g}",
            "detector_score": f"{self.face.score:.4f}",
        }
        if self.truth:
            row["object"] = str(self.truth.index)
            row["iou"] = f"{self.truth.box.iou(self.face.box):.3f}"
        return row


def mine(
    root: Path,
    out: Path,
    detector: FaceDetector,
    second: FaceDetector | None = None,
    margin: float = MARGIN,
    progress: Progress = SILENT,
) -> Mined:
    """Cut out what a detector finds in photographs with VOC files, into class folders.

    A detection that matches a true face (``labels.match``) becomes a crop of that face's class;
    one that touches no labelled face, difficult or not, a crop of ``background``. What touches
    one (an IoU of 0.1, or half of the smaller of the two) without matching is neither. As in many
    sets not every face carries a box, a false alarm is left out if ``second`` sees a face
    anywhere in what would be cut.

    ``manifest.csv`` in ``out`` says of each crop its ``kind`` (``detected`` or ``false_alarm``),
    ``picture``, ``group`` and ``split`` (those that ``labels.dataset.load`` gives the picture's
    faces), box, margin and ``detector_score``, and of a face ``object`` (its place in the VOC
    file) and ``iou``.

    Args:
        root: the photographs, with all below it. Pictures that only maskdet has labelled are left
            out: a proposal knows no face that the detector missed, and no false alarm.
        out: a new or empty folder; it appears when all is done.
        detector: finds the faces; at a low threshold, more of both kinds.
        second: another one, at a low threshold.
        margin: part of the box's longer side that is added on each end.
        progress: makes the bar.

    Raises:
        InputError: ``root`` is no folder, its manifest cannot be read, or is that of a folder
            above.
        OutputError: ``out`` is not empty, or cannot be written.
    """
    check_apart(root, out)
    refuse_part(root)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already: choose a new folder for the crops")
    found, problems = pictures(root)
    result, names, known = Mined(problems=problems), Names(by_stem=False), Manifest(root)
    here = Path(root.resolve().name)
    with _whole(out) as folder:
        manifest = Manifest(folder)
        for path in progress(found, desc="faces", unit="picture"):
            if not voc_path(path).is_file():
                result.unlabelled += 1
                continue
            try:
                image = images.read(path)
                crops = _crops(path, image, detector, second, margin, result)
            except InputError as error:
                result.problems.append(str(error))
                continue
            row = known.get(path.relative_to(root).as_posix())
            name = (here / path.relative_to(root)).as_posix()
            origin = {"group": row.get("group") or name, "picture": name}
            origin |= {"split": row["split"]} if row.get("split") else {}
            for number, crop in enumerate(crops):
                file = names.take(f"{crop.label}/{path.stem}_{number}.jpg")
                files.make_folder((folder / file).parent)
                cutting.write_crop(folder / file, image, crop.face.box, margin)
                manifest.set(file, {**crop.row(margin), **origin})
        manifest.write()
    return result


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of an empty one when all is in it, or not at all."""
    folder = files.absolute(folder)  # "." has no name
    beside = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(beside, ignore_errors=True)  # what a killed run has left
        yield files.make_folder(beside)
        try:
            if folder.exists():
                folder.rmdir()
            beside.rename(folder)
        except OSError as error:
            raise OutputError(f"cannot create {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _crops(
    path: Path,
    image: Bgr,
    detector: FaceDetector,
    second: FaceDetector | None,
    margin: float,
    result: Mined,
) -> list[_Crop]:
    """Return what is to be cut out of a picture, and count the rest."""
    height, width = image.shape[:2]
    labelled = voc.read(voc_path(path), width, height)
    result.problems += labelled.problems
    if labelled.proposal:
        result.proposals += 1
        return []
    truth = [item for item in labelled.objects if item.label != BACKGROUND]
    found = detector.detect(image)
    matches = match(truth, [face.box for face in found])
    crops = [_Crop(found[number], truth[place]) for place, number in matches.pairs]
    alone = [face for face in found if not any(_touch(face.box, item.box) for item in truth)]
    result.found.update(crop.label for crop in crops)
    result.missed += len(matches.missed)
    result.neither += len(found) - len(crops) - len(alone)
    if labelled.problems:
        # A face whose box cannot be read would pass for background.
        return crops
    others = second.detect(image) if second and alone else ()
    unseen = [face for face in alone if not _in_square(face.box, margin, others)]
    result.seen += len(alone) - len(unseen)
    result.false_alarms += len(unseen)
    return crops + [_Crop(face, None) for face in unseen]


def _touch(box: Box, other: Box) -> bool:
    least = _TOUCH_PART * min(box.area, other.area)
    return box.iou(other) >= _TOUCH_IOU or box.intersection(other) >= least


def _in_square(box: Box, margin: float, faces: Sequence[Face]) -> bool:
    """Tell whether one of the faces reaches into what is cut out around a box."""
    square = square_around(box, margin)
    return any(face.box.intersection(square) > 0 for face in faces)
