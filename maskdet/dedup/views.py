"""The pictures as they are compared: their local features at hand, the rest read when needed."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from maskdet import images
from maskdet.catalog import Catalog
from maskdet.dedup import features
from maskdet.dedup.cache import Row, remembered
from maskdet.dedup.features import Features
from maskdet.dedup.verify import BLANK, View
from maskdet.errors import InputError
from maskdet.progress import SILENT, Progress

_KIND = f"sift{features.SIDE}"
_KEPT = 1024


class Views:
    """Local features of many pictures, 3 kB each; the pictures themselves are read again.

    Attributes:
        features: of each picture; ``features.NONE`` of one without contrast, with which no
            comparison is worth while, and of one that could not be read.
        problems: a sentence for each of the latter.
    """

    def __init__(
        self, paths: Sequence[str], cache: Catalog | None = None, progress: Progress = SILENT
    ) -> None:
        """Find the features of pictures, those that ``cache`` does not know; see ``remembered``."""
        self.features: list[Features] = []
        self.problems: list[str] = []
        for _, _, row in remembered(paths, [_KIND], _look, cache, "features", progress):
            if isinstance(row, str):
                self.problems.append(row)
                self.features.append(features.NONE)
            else:
                self.features.append(Features.from_bytes(row.values[0]))
        self._paths = paths
        # One for each object: that of a class would keep every picture alive.
        self._colour = functools.lru_cache(_KEPT)(_read)

    def __getitem__(self, index: int) -> View:
        """Return one picture; raises InputError where it cannot be read any more."""
        return View(self._colour(self._paths[index]), self.features[index])


def _read(path: str, grey: bool = False) -> npt.NDArray[np.uint8]:
    return features.scale(images.read_reduced(path, features.SIDE, grey).pixels)


def _look(path: str) -> Row | str:
    try:
        grey = _read(path, grey=True)
    except InputError as error:
        return str(error)
    found = features.NONE if grey.std() < BLANK else features.extract(grey)
    # Size and sharpness are kept with the hashes.
    return Row([found.to_bytes()], 0, 0, 0.0)
