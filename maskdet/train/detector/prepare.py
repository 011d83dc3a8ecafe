"""From folders to photographs that are split and ready to train the detector on."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import files
from maskdet.classes import BACKGROUND, CLASSES
from maskdet.errors import InputError
from maskdet.hashing import NEAR_DUPLICATE
from maskdet.labels.dataset import Dataset, Sample
from maskdet.labels.manifest import TEST, VAL
from maskdet.labels.voc import VocObject
from maskdet.neighbours import near_links
from maskdet.progress import SILENT, Progress
from maskdet.train import prepare as faces
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.photos import Photo, look_at

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scenes:
    """Photographs and their split.

    ``classes`` are those that the data holds, in the order of the network's output.
    ``validation`` and ``training`` are bool, shape (photos,); in neither are extras that show
    what validation photographs show. ``cluster`` numbers what stays together.
    ``fingerprint`` is a sha256 of the pictures, their labels and YuNet.
    """

    photos: list[Photo]
    classes: tuple[str, ...]
    validation: npt.NDArray[np.bool_]
    training: npt.NDArray[np.bool_]
    cluster: npt.NDArray[np.int64]
    fingerprint: str
    problems: list[str]

    def part(self, chosen: npt.NDArray[np.bool_]) -> list[Photo]:
        """Return the photographs of a part."""
        return [photo for photo, is_in in zip(self.photos, chosen, strict=True) if is_in]

    def counts(self, chosen: npt.NDArray[np.bool_]) -> dict[str, int]:
        """Return how many faces of each class a part holds, difficult ones left out."""
        found = Counter(face.label for photo in self.part(chosen) for face in photo.clear)
        return {name: found[name] for name in self.classes}


def collect(
    roots: Sequence[Path], options: DetectorOptions, extra: Sequence[Path] = ()
) -> tuple[list[Photo], list[str]]:
    """Read the labels, and see whether they can be trained on before anything long starts.

    Args:
        roots, extra: see ``train.prepare.load``; photographs with VOC files.
        options: see DetectorOptions.

    Returns:
        The photographs, none of the part ``test``, and in words what could not be used.

    Raises:
        InputError: nothing usable, a single class, or a class that cannot be split.
    """
    data = faces.load(roots, extra, options.exclude)
    whole = [sample for sample in data.samples if sample.box is None]
    if whole:
        data.problems.append(
            f"{len(whole)} pictures have a class but no boxes, first {whole[0].name}: "
            "'maskdet label' gives them some"
        )
    boxed = [sample for sample in data.samples if sample.box and sample.label != BACKGROUND]
    if not boxed:
        raise InputError(
            f"no photograph with boxes in {', '.join(map(str, roots))}: the detector is trained on "
            "pictures with Pascal VOC files beside them, as 'maskdet label' and 'maskdet convert "
            "--to voc' write them"
        )
    faces.usable(Dataset(boxed), None, options.seed)
    # Also of those that have nothing to be measured on, and would all be trained on.
    faces.same_parts([sample for sample in data.samples if sample.box] + [*data.empty.values()])
    photos = _limited(_photos(data), options.limit, options.seed)
    split(photos, None, options)
    return photos, data.problems


def _photos(data: Dataset) -> list[Photo]:
    by_picture: dict[Path, list[Sample]] = defaultdict(list)
    for sample in data.samples:
        if sample.box and sample.split != TEST:
            by_picture[sample.path].append(sample)
    found = []
    for path, samples in by_picture.items():
        shown = [sample for sample in samples if sample.label != BACKGROUND]
        first = samples[0]
        found.append(
            Photo(
                path,
                first.name,
                first.group,
                tuple(
                    VocObject(index, sample.label, sample.box, sample.difficult)
                    for index, sample in enumerate(shown)
                    if sample.box
                ),
                first.split,
                first.extra,
                tuple(s.box for s in samples if s.box and s.label == BACKGROUND),
            )
        )
    for path, sample in data.empty.items():
        if sample.split != TEST:
            found.append(Photo(path, sample.name, sample.group, (), sample.split, sample.extra))
    return sorted(found, key=lambda photo: photo.name)


def _limited(photos: list[Photo], limit: int | None, seed: int) -> list[Photo]:
    """Draw at most ``limit`` photographs, as even over their rarest classes as they come."""
    total = Counter(face.label for photo in photos for face in photo.clear)
    rarest = [
        min((face.label for face in photo.clear), key=lambda name: (total[name], name), default="")
        for photo in photos
    ]
    parts = [(photo.split, photo.extra) for photo in photos]
    return [photos[place] for place in faces.draw(rarest, parts, limit, seed)]


def prepare(
    photos: Sequence[Photo],
    problems: Sequence[str],
    options: DetectorOptions,
    progress: Progress = SILENT,
) -> Scenes:
    """Look at each photograph once, and split them.

    Parts and near-duplicates as in ``train.prepare.prepare``. Photographs without a face are
    for training alone, unless the manifest puts them in ``val``. What cannot be used is reported
    to the log.

    Args:
        photos, problems: what ``collect`` returned.
        options: see DetectorOptions.
        progress: makes the bar.

    Raises:
        InputError: a class has no picture that can be read, or cannot be split.
        ModelError: ``options.ignore_model`` is missing or no YuNet.
    """
    seen = look_at(photos, options.ignore_model, progress)
    looked, broken = seen.photos, [*problems, *seen.problems]
    for problem in broken:
        log.warning("%s", problem)
    missing = {face.label for photo in photos for face in photo.clear} - {
        face.label for photo in looked for face in photo.clear
    }
    if missing:
        raise InputError(f"class {min(missing)} has no usable face: no picture of it can be read")
    cluster, validation = split(looked, near_links(seen.hashes, NEAR_DUPLICATE), options)
    shared = np.isin(cluster, cluster[validation]) & ~validation
    extra = np.array([photo.extra or not photo.clear for photo in looked])
    if np.any(shared & ~extra):
        log.warning(
            "%d training photographs share a group or near-duplicates with the validation part: "
            "'maskdet split --check' lists them",
            np.sum(shared & ~extra),
        )
    scenes = Scenes(
        looked,
        present(looked),
        validation,
        ~validation & ~(shared & extra),
        cluster,
        _fingerprint(looked, seen.digests, options.ignore_model),
        broken,
    )
    for part in ("training", "validation"):
        chosen = getattr(scenes, part)
        log.info("%s: %d photographs, %s", part, chosen.sum(), scenes.counts(chosen))
    if options.ignore_model:
        log.info("faces without a label: %d", sum(len(photo.unlabelled) for photo in looked))
    return scenes


def split(
    photos: Sequence[Photo], near: npt.NDArray[np.int64] | None, options: DetectorOptions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Split as the classifier's faces are, and say it of the photographs.

    Args:
        photos: some of them with faces.
        near: near-duplicates among them, see ``labels.split.clusters``.
        options: see DetectorOptions.

    Returns:
        The cluster of each photograph, int64, and whether it is in the validation part, bool.

    Raises:
        InputError: a class cannot be split.
    """
    first: list[int] = []
    samples: list[Sample] = []
    anything = next(face.label for photo in photos for face in photo.clear)
    for photo in photos:
        first.append(len(samples))
        # One without a face follows those that it is like; no class can be measured on it.
        labels = [face.label for face in photo.clear]
        samples += [
            Sample(photo.path, photo.name, label, photo.group, None, False, photo.split, extra)
            for label, extra in ([(label, photo.extra) for label in labels] or [(anything, True)])
        ]
    pairs = None if near is None else np.array(first, np.int64)[near]
    cluster, validation = faces.split(
        samples, pairs, options.validation, options.seed, options.limit
    )
    held = np.array([photo.split == VAL and not photo.extra for photo in photos])
    return cluster[first], validation[first] | held


def present(photos: Sequence[Photo]) -> tuple[str, ...]:
    """Return the classes of which there are clear faces, in the order of ``CLASSES``."""
    names = {face.label for photo in photos for face in photo.clear}
    return tuple(name for name in CLASSES if name in names)


def _fingerprint(photos: Sequence[Photo], digests: Sequence[str], ignore_model: str | None) -> str:
    whole = hashlib.sha256(files.sha256(Path(ignore_model)).encode() if ignore_model else b"")
    for photo, digest in zip(photos, digests, strict=True):
        boxes = [(face.label, face.difficult, face.box.to_list(3)) for face in photo.faces]
        denied = [box.to_list(3) for box in photo.denied]
        # Not what YuNet sees: it follows, but for a rounding that another machine may do otherwise.
        whole.update(repr((digest, boxes, denied, photo.split, photo.extra)).encode())
    return whole.hexdigest()
