"""Cutting the faces of a data set out once, into one memory-mapped array."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import hashing, images
from maskdet.errors import InputError, OutputError
from maskdet.faces.crop import crop_faces, region
from maskdet.labels.dataset import Sample
from maskdet.progress import SILENT, Progress

SURROUNDINGS = 1.3
"""Side of what is kept of a face, in sides of the network's input: with it, an augmented face
that is moved or made smaller shows what really lay around it."""

Faces = npt.NDArray[np.uint8]
"""uint8, shape (n, canvas, canvas, 3), RGB: faces with their surroundings."""


@dataclass(frozen=True, slots=True)
class FaceSet:
    """Faces on disk, ``samples[i]`` being ``faces[i]``.

    ``hashes[i]`` is the 64-bit pHash of its picture: uint8, shape (n, 8).
    """

    faces: Faces
    samples: list[Sample]
    hashes: npt.NDArray[np.uint8]
    problems: list[str]

    def fingerprint(self) -> str:
        """Return a sha256 of all pixels, labels and given parts, in hexadecimal."""
        digest = hashlib.sha256(self.faces.data)
        # Without parts and extras, what it was before there were any.
        said = (
            sample.label
            + (f" {sample.split}" if sample.split else "")
            + (" extra" if sample.extra else "")
            for sample in self.samples
        )
        digest.update("\n".join(said).encode())
        return digest.hexdigest()


def canvas_side(size: int) -> int:
    """Return the side in pixels of a face with its surroundings, for a network input ``size``."""
    return size + 2 * round(size * (SURROUNDINGS - 1) / 2)


def center(faces: Faces, size: int) -> Faces:
    """Return the middle of faces with surroundings: shape (n, size, size, 3), no copy.

    This is what ``crop_faces`` with the network's own margin gives, up to resampling.
    """
    start = (faces.shape[1] - size) // 2
    return faces[:, start : start + size, start : start + size]


def cut(
    samples: Sequence[Sample], path: Path, size: int, margin: float, progress: Progress = SILENT
) -> FaceSet:
    """Cut all faces out by ``crop_faces`` and keep them, with surroundings, in a file.

    Every picture is read once, and at reduced scale once more for its hash. The array lies in
    ``path`` (NumPy's format) and is memory-mapped, so that memory does not grow with the data
    and worker processes share it.

    Args:
        samples: the labelled faces.
        path: the ``.npy`` file to write.
        size: side of the network's input in pixels.
        margin: as in ``crop_faces``.
        progress: makes the bar.

    Returns:
        The faces of all pictures that could be read, in the order of ``samples``; the others
        are named in ``problems``.

    Raises:
        InputError: not one picture could be read.
        OutputError: the disk is full.
    """
    side = canvas_side(size)
    places: dict[Path, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        places[sample.path].append(index)
    faces = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.uint8, shape=(len(samples), side, side, 3)
    )
    _reserve(path)
    hashes = np.zeros((len(samples), 8), np.uint8)

    def one(item: tuple[Path, list[int]]) -> tuple[list[int], str]:
        picture, indices = item
        try:
            image = images.read(picture)
            reduced = images.read_reduced(picture, hashing.SIDE, grey=True)
        except InputError as error:
            return indices, str(error)
        for index in indices:
            box, own = region(image, samples[index].box, margin)
            wide = ((1 + 2 * own) * side / size - 1) / 2
            faces[index] = crop_faces(image, [box], side, wide)[0]
        hashes[indices] = hashing.compute(reduced.pixels)
        return [], ""

    broken: set[int] = set()
    problems = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(one, places.items())
        for indices, problem in progress(done, total=len(places), desc="faces", unit="picture"):
            broken.update(indices)
            problems += [problem] if problem else []
    keep = np.array([index for index in range(len(samples)) if index not in broken], np.int64)
    if not len(keep):
        raise InputError(f"not one picture can be read. First problem: {problems[0]}")
    if broken:
        # Packed to the front: what lies behind the last good face is never looked at.
        for target, origin in enumerate(keep):
            faces[target] = faces[origin]
    faces.flush()
    readable = np.load(path, mmap_mode="r")[: len(keep)]
    return FaceSet(readable, [samples[index] for index in keep], hashes[keep], problems)


def _reserve(path: Path) -> None:
    """Claim the disk space of a sparse file: a full disk met later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
