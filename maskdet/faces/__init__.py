"""Finding faces and cutting them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maskdet.faces.base import FaceDetector

DETECTORS = ("maskdet", "ssd", "yunet", "haar")
"""The names that ``create`` knows."""

LABELLING = ("maskdet",)
"""Those that say, too, how the mask sits."""

SIZED = ("maskdet", "ssd")
"""Those whose input has a size that can be chosen."""


def create(
    name: str,
    weights: Path | None = None,
    min_score: float | None = None,
    min_face: float = 0,
    size: int | None = None,
    threads: int = 0,
    moving: bool = False,
) -> FaceDetector:
    """Load a face detector by name.

    Args:
        name: one of ``DETECTORS``.
        weights: its file or folder (of maskdet, also a model's name), None for the one that is
            installed (of yunet, none is).
        min_score: least confidence, 0 to 1; None for the detector's own default.
        min_face: least shorter side of a face in pixels.
        size: how large the network sees a picture, in pixels: see ``OwnFaceDetector`` and
            ``SsdFaceDetector``; None for what suits. The others have none.
        threads: cores that maskdet may use, 0 for all; the others go by ``cv2.setNumThreads``.
        moving: the pictures are of a film or camera, and a closer look would take too long.

    Raises:
        ModelError: its files are missing or altered.
        ValueError: there is no detector of that name, or it has no size to be chosen.
    """
    if name not in DETECTORS:
        raise ValueError(f"no face detector {name!r}, only {', '.join(DETECTORS)}")
    if size is not None and name not in SIZED:
        raise ValueError(
            f"the face detector {name} has no size to be chosen, only {' and '.join(SIZED)} have"
        )
    chosen: dict[str, Any] = {} if min_score is None else {"min_score": min_score}
    if name == "yunet":
        from maskdet.faces.yunet import YunetFaceDetector

        return YunetFaceDetector(weights, min_face=min_face, **chosen)
    if name == "maskdet":
        from maskdet.faces.own import OwnFaceDetector

        return OwnFaceDetector(
            weights, min_face=min_face, threads=threads, size=size, moving=moving, **chosen
        )
    if name == "haar":
        from maskdet.faces.haar import HaarFaceDetector

        return HaarFaceDetector(weights, min_face=min_face, **chosen)
    from maskdet.faces.ssd import PICTURE_SIZE, TRAINED_SIZE, SsdFaceDetector

    size = size or (TRAINED_SIZE if moving else PICTURE_SIZE)
    return SsdFaceDetector(weights, min_face=min_face, size=size, **chosen)
