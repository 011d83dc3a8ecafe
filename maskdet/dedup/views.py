"""The pictures as they are compared: their local features at hand, the rest read when needed."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from maskdet import images
from maskdet.dedup import features
from maskdet.dedup.features import Features
from maskdet.dedup.verify import View
from maskdet.errors import InputError
from maskdet.progress import SILENT, Progress

_KEPT = 2048


class Views:
    """Local features of many pictures, 3 kB each; the pictures themselves are read again.

    Attributes:
        features: of each picture; none of one that could not be read.
        problems: a sentence for each of those.
    """

    def __init__(self, paths: Sequence[str], progress: Progress = SILENT) -> None:
        """Read all pictures, on all cores."""
        self._paths = paths
        self.features: list[Features] = []
        self.problems: list[str] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(self._extract, range(len(paths)))
            bar = progress(found, total=len(paths), desc="features", unit="picture")
            for item in bar:
                self.features.append(features.NONE if isinstance(item, str) else item)
                self.problems += [item] if isinstance(item, str) else []
        # One for each object: a method's own cache would keep every object alive.
        self._grey = functools.lru_cache(_KEPT)(self._read)

    def __getitem__(self, index: int) -> View:
        """Return one picture; raises InputError where it cannot be read any more."""
        return View(self._grey(index), self.features[index])

    def _read(self, index: int) -> features.Grey:
        picture = images.read_reduced(self._paths[index], features.SIDE, grey=True)
        return features.scale(picture.pixels)

    def _extract(self, index: int) -> Features | str:
        try:
            return features.extract(self._read(index))
        except InputError as error:
            return str(error)
