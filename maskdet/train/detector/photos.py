"""The photographs that the detector is trained on, each looked at once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import hashing, images
from maskdet.errors import InputError
from maskdet.faces.base import FaceDetector
from maskdet.faces.yunet import YunetFaceDetector
from maskdet.labels.voc import VocObject
from maskdet.progress import SILENT, Progress
from maskdet.types import Box

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
class Looked:
    """The photographs that can be read, with their unlabelled faces; why the others cannot be.

    ``hashes`` are their pHashes, uint8 (n, 8), and ``digests`` the sha256 of their files.
    """

    photos: list[Photo]
    hashes: npt.NDArray[np.uint8]
    digests: list[str]
    problems: list[str]


def look_at(
    photos: Sequence[Photo], ignore_model: str | None = None, progress: Progress = SILENT
) -> Looked:
    """Read each photograph once.

    Args:
        photos: as their labels say.
        ignore_model: see DetectorOptions.
        progress: makes the bar.

    Raises:
        InputError: not one of them can be read.
        ModelError: ``ignore_model`` is missing or no YuNet.
    """
    looker = _Looker(ignore_model)
    kept, hashes, digests, problems = [], [], [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(looker, photos)
        for photo, result in zip(
            photos, progress(done, total=len(photos), desc="photographs"), strict=True
        ):
            if isinstance(result, str):
                problems.append(result)
                continue
            kept.append(replace(photo, unlabelled=result[2]))
            hashes.append(result[0])
            digests.append(result[1])
    if not kept:
        raise InputError(f"not one picture can be read. First problem: {problems[0]}")
    return Looked(kept, np.stack(hashes), digests, problems)


_Seen = tuple[npt.NDArray[np.uint8], str, tuple[Box, ...]]


class _Looker:
    """Returns a photograph's pHash, sha256 and unlabelled faces, or why it cannot be read."""

    def __init__(self, ignore_model: str | None) -> None:
        self._make: Callable[[], FaceDetector] | None = None
        self._own = threading.local()
        if ignore_model is not None:
            self._make = lambda: YunetFaceDetector(Path(ignore_model))
            self._make()  # a wrong file is told at once

    def __call__(self, photo: Photo) -> _Seen | str:
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
