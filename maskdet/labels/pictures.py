"""The labelled pictures of folders, and which of them show the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import files, hashing, images
from maskdet.errors import InputError
from maskdet.labels import dataset
from maskdet.labels.manifest import Manifest
from maskdet.neighbours import cross_pairs, distinct, near_links, near_pairs
from maskdet.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture: ``name`` is its path below ``root``, ``row`` the manifest's of it.

    ``faces`` counts those that are not difficult, by class. Pictures with the same ``group``
    belong together, see ``dataset.Sample``.
    """

    root: Path
    name: str
    faces: Counter[str]
    group: str
    row: Mapping[str, str]

    @property
    def path(self) -> Path:
        return self.root / self.name


def gather(root: Path, manifest: Manifest) -> tuple[list[Picture], list[str]]:
    """Return the labelled pictures of a folder, sorted, and in words what could not be used.

    Args:
        root: see ``dataset.load``.
        manifest: of that folder.

    Raises:
        InputError: as ``dataset.load``.
    """
    data = dataset.load([root])
    faces: dict[Path, Counter[str]] = {path: Counter() for path in data.empty}
    groups = {path: sample.group for path, sample in data.empty.items()}
    for sample in data.samples:
        groups[sample.path] = sample.group
        faces.setdefault(sample.path, Counter())[sample.label] += not sample.difficult
    pictures = []
    for path in sorted(faces):
        name = path.relative_to(root).as_posix()
        pictures.append(Picture(root, name, faces[path], groups[path], manifest.get(name)))
    return pictures, data.problems


@dataclass(frozen=True, slots=True)
class Looks:
    """What pictures look like, one row each.

    Attributes:
        hashes: uint8, shape (n, 8): 64-bit pHashes.
        mirrored: the same of the pictures flipped left to right.
        sha256: of the files, empty where one cannot be read.
        readable: int64: indices of the pictures that could be read.
        problems: a sentence for each of the others.
    """

    hashes: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]
    sha256: list[str]
    readable: npt.NDArray[np.int64]
    problems: list[str]

    def near(self, links: bool = False) -> npt.NDArray[np.int64]:
        """Return the pairs of near-duplicates: pHashes at most 6 bits apart, or mirrored.

        Args:
            links: only enough of them to know what is connected; many pictures may be equal.

        Returns:
            int64, shape (pairs, 2): ``i < j``, each pair once.
        """
        hashes, mirrored = self.hashes[self.readable], self.mirrored[self.readable]
        straight = (near_links if links else near_pairs)(hashes, hashing.NEAR_DUPLICATE)
        first = distinct(hashes)[0] if links else np.arange(len(hashes))
        turned = cross_pairs(hashes[first], mirrored, hashing.NEAR_DUPLICATE)
        turned[:, 0] = first[turned[:, 0]]
        turned = np.sort(turned, axis=1)
        pairs = np.concatenate([straight, turned[turned[:, 0] < turned[:, 1]]])
        return np.asarray(self.readable[np.unique(pairs, axis=0)], np.int64)


def look(pictures: Sequence[Picture], progress: Progress = SILENT) -> Looks:
    """Hash pictures, on all cores."""

    def one(picture: Picture) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], str] | str:
        try:
            grey = images.read_reduced(picture.path, hashing.SIDE, grey=True).pixels
            sha256 = files.sha256(picture.path)
        except InputError as error:
            return str(error)
        return hashing.compute(grey), hashing.compute(grey[:, ::-1]), sha256

    hashes, mirrored = (np.zeros((len(pictures), 8), np.uint8) for _ in range(2))
    sha256 = [""] * len(pictures)
    problems = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = progress(pool.map(one, pictures), total=len(pictures), desc="hashes", unit="picture")
        for index, result in enumerate(done):
            if isinstance(result, str):
                problems.append(result)
            else:
                hashes[index], mirrored[index], sha256[index] = result
    readable = np.flatnonzero(np.array([bool(digest) for digest in sha256]))
    return Looks(hashes, mirrored, sha256, readable, problems)
