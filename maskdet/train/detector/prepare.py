"""From folders to photographs that are split and ready to train the detector on."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import hashing, images
from maskdet.classes import BACKGROUND, CLASSES
from maskdet.errors import InputError
from maskdet.faces.base import FaceDetector
from maskdet.faces.yunet import YunetFaceDetector
from maskdet.hashing import NEAR_DUPLICATE
from maskdet.labels.dataset import Dataset, Sample
from maskdet.labels.manifest import TEST, VAL
from maskdet.labels.voc import VocObject
from maskdet.neighbours import near_links
from maskdet.progress import SILENT, Progress
from maskdet.train import prepare as faces
from maskdet.train.detector.options import DetectorOptions
from maskdet.types import Box

log = logging.getLogger(__name__)

_KNOWN_IOU = 0.3
"""A face that overlaps a labelled box so much is that one."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph with its faces.

    ``faces`` are the labelled ones, ``index`` in their order here; ``denied`` are boxes of which
    somebody said that there is no face, ``unlabelled`` those of faces that nobody labelled.
    ``group``, ``split`` and ``extra`` as in ``dataset.Sample``.
    """

    path: Path
    name: str
    group: str
    faces: tuple[VocObject, ...]
    split: str | None = None
    extra: bool = False
    denied: tuple[Box, ...] = ()
    unlabelled: tuple[Box, ...] = ()

    @property
    def clear(self) -> list[VocObject]:
        """The faces that are not difficult."""
        return [face for face in self.faces if not face.difficult]

    @property
    def ignored(self) -> list[Box]:
        """Where there is a face of which nothing can be learnt."""
        return [face.box for face in self.faces if face.difficult] + list(self.unlabelled)


@dataclass(frozen=True, slots=True)
class Scenes:
    """Photographs and their split.

    ``classes`` are those that the data holds, in the order of the network's output.
    ``validation`` and ``training`` are bool, shape (photos,); in neither are extras that show
    what validation photographs show. ``cluster`` numbers what stays together.
    ``fingerprint`` is a sha256 of all that is learnt from.
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
    _split(photos, None, options)
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
    if limit is None or limit >= len(photos):
        return photos
    total = Counter(face.label for photo in photos for face in photo.clear)
    order = np.random.default_rng(seed).permutation(len(photos)).tolist()
    seen: Counter[tuple[str | None, str | None]] = Counter()
    rank = {}
    for index in order:
        labels = {face.label for face in photos[index].clear}
        kind = (min(labels, key=total.__getitem__, default=None), photos[index].split)
        rank[index] = (seen[kind], index)
        seen[kind] += 1
    return [photos[index] for index in sorted(sorted(rank, key=rank.__getitem__)[:limit])]


def prepare(
    photos: Sequence[Photo],
    problems: Sequence[str],
    options: DetectorOptions,
    ignore_model: Path | None = None,
    progress: Progress = SILENT,
) -> Scenes:
    """Look at each photograph once, and split them.

    Parts and near-duplicates as in ``train.prepare.prepare``. Photographs without a face are
    for training alone, unless the manifest puts them in ``val``. What cannot be used is reported
    to the log.

    Args:
        photos, problems: what ``collect`` returned.
        options: see DetectorOptions.
        ignore_model: YuNet's file: where it is sure of a face that nobody labelled, nothing is
            learnt from the training photographs.
        progress: makes the bar.

    Raises:
        InputError: a class has no picture that can be read, or cannot be split.
        ModelError: ``ignore_model`` is missing or no YuNet.
    """
    looker = _Looker(ignore_model)
    looked: list[Photo] = []
    hashes, digests, broken = [], [], list(problems)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(looker, photos)
        for photo, result in zip(
            photos, progress(done, total=len(photos), desc="photographs"), strict=True
        ):
            if isinstance(result, str):
                broken.append(result)
                continue
            looked.append(replace(photo, unlabelled=result[2]))
            hashes.append(result[0])
            digests.append(result[1])
    for problem in broken:
        log.warning("%s", problem)
    if not looked:
        raise InputError(f"not one picture can be read. First problem: {broken[-1]}")
    missing = {face.label for photo in photos for face in photo.clear} - {
        face.label for photo in looked for face in photo.clear
    }
    if missing:
        raise InputError(f"class {min(missing)} has no usable face: no picture of it can be read")
    cluster, validation = _split(looked, near_links(np.stack(hashes), NEAR_DUPLICATE), options)
    shared = np.isin(cluster, cluster[validation]) & ~validation
    extra = np.array([photo.extra or not photo.clear for photo in looked])
    if np.any(shared & ~extra):
        log.warning(
            "%d training photographs share a group or near-duplicates with the validation part: "
            "'maskdet split --check' lists them",
            np.sum(shared & ~extra),
        )
    names = {face.label for photo in looked for face in photo.clear}
    scenes = Scenes(
        looked,
        tuple(name for name in CLASSES if name in names),
        validation,
        ~validation & ~(shared & extra),
        cluster,
        _fingerprint(looked, digests),
        broken,
    )
    for part in ("training", "validation"):
        chosen = getattr(scenes, part)
        log.info("%s: %d photographs, %s", part, chosen.sum(), scenes.counts(chosen))
    if ignore_model:
        log.info("faces without a label: %d", sum(len(photo.unlabelled) for photo in looked))
    return scenes


Looked = tuple[npt.NDArray[np.uint8], str, tuple[Box, ...]]


class _Looker:
    """Returns a photograph's pHash, sha256 and unlabelled faces, or why it cannot be read."""

    def __init__(self, ignore_model: Path | None) -> None:
        self._make: Callable[[], FaceDetector] | None = None
        self._own = threading.local()
        if ignore_model:
            YunetFaceDetector(ignore_model)  # a wrong file is told at once
            self._make = lambda: YunetFaceDetector(ignore_model)

    def __call__(self, photo: Photo) -> Looked | str:
        try:
            data = photo.path.read_bytes()
            reduced = images.read_reduced(data, hashing.SIDE, grey=True)
            unlabelled = self._unlabelled(photo, data)
        except OSError as error:
            return f"cannot read {photo.path}: {error.strerror or error}"
        except InputError as error:
            return f"{photo.path}: {error}"
        return hashing.compute(reduced.pixels), hashlib.sha256(data).hexdigest(), unlabelled

    def _unlabelled(self, photo: Photo, data: bytes) -> tuple[Box, ...]:
        if self._make is None:
            return ()
        if not hasattr(self._own, "detector"):
            self._own.detector = self._make()
        known = [*(face.box for face in photo.faces), *photo.denied]
        found = [face.box for face in self._own.detector.detect(images.read(data))]
        return tuple(
            box
            for box in found
            if all(
                box.iou(other) < _KNOWN_IOU
                and box.intersection(other) < 0.5 * min(box.area, other.area)
                for other in known
            )
        )


def _split(
    photos: Sequence[Photo], near: npt.NDArray[np.int64] | None, options: DetectorOptions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Split as the classifier's faces are, and say it of the photographs."""
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


def _fingerprint(photos: Sequence[Photo], digests: Sequence[str]) -> str:
    whole = hashlib.sha256()
    for photo, digest in zip(photos, digests, strict=True):
        boxes = [(face.label, face.difficult, face.box.to_list(3)) for face in photo.faces]
        unlabelled = [box.to_list(3) for box in photo.unlabelled]
        whole.update(repr((digest, boxes, unlabelled, photo.split, photo.extra)).encode())
    return whole.hexdigest()
