"""What a face detector is to the rest of maskdet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from maskdet.types import Face

if TYPE_CHECKING:  # the command line reads the detectors' names, and needs no OpenCV for that
    from maskdet.images import Bgr


class FaceDetector(Protocol):
    """Finds faces in one image.

    A detector that also knows how a mask sits fills ``Face.scores``; nothing around it
    has to change then.
    """

    name: str
    """What ``--detector`` calls it."""

    def detect(self, image: Bgr) -> list[Face]:
        """Return the faces, best first, boxes clipped to ``image`` and never empty."""
        ...
