"""Whether two pictures are copies of one: laid over each other and compared place by place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.dedup.features import Features, Grey, align
from maskdet.images import Bgr

MIN_AGREE = 10
"""Features that must agree on how two pictures lie over each other. Of 3,000 pairs of unlike
pictures none had more than 8; of copies the least was 14."""

MAX_DIFFERENCE = 0.6
"""Largest difference of copies anywhere, in standard deviations of the picture's brightness.
Of 103 pairs of copies one has more; of 45 pairs of look-alikes (the next frame of a session, a
mask painted on, another print on the mask) none has less than 0.65."""

MAX_COLOUR_DIFFERENCE = 0.8
"""The same in each of the colours red, green and blue, unless one of the pictures is black and
white: a blue mask can be as bright as the skin."""

MIN_SIMILARITY = 0.6
"""Least correlation of copies anywhere: of what differs in structure, but hardly in brightness.
Copies have 0.75 and mostly 0.95, look-alikes at most 0.68."""

MIN_OVERLAP = 1 / 3
"""Least intersection over union of the two framings: a face cut out of a group is no copy of
the photograph of the group."""

BLANK = 2.0
"""Pictures of less contrast (standard deviation of brightness) are never found the same: what
they would have to share, a third, then has too little of it, too."""

_BLUR = 1.5
_BLOT = 4.0
_WINDOW = 6.0
_FLOOR = 0.24
_FLAT = 4.0
_COLOURED = 25
_PERCENTILE = 1
_MARGIN = 5
_ECC = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found.

    Attributes:
        same: the two are copies of one picture.
        similarity: -1 to 1: how well they correlate where they do so least.
        difference: 0 or more: by how much they differ where they do so most.
        overlap: intersection over union of their framings, 0 to 1.
        mirrored: one of them is flipped.
    """

    same: bool
    similarity: float = 0.0
    difference: float = math.inf
    overlap: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A picture as it is compared: ``features.scale`` (BGR) and ``features.extract`` of it."""

    colour: Bgr
    features: Features

    @property
    def grey(self) -> Grey:
        """The picture's brightness."""
        return np.asarray(cv2.cvtColor(self.colour, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @property
    def has_colour(self) -> bool:
        """Whether it is more than a black and white picture, or a tinted one."""
        spread = self.colour.max(axis=2) - self.colour.min(axis=2)
        return bool(np.percentile(spread, 90) >= _COLOURED)


DIFFERENT = Verdict(False)


def compare(a: View, b: View, guess: bool = False) -> Verdict:
    """Compare two pictures.

    b is laid over a by their features, and more exactly by maximizing the enhanced correlation
    coefficient (Evangelidis and Psarakis, 2008). Its brightness and colours are matched to those
    of a. People who have moved, or a mask that has been painted on, then leave a blot,
    which is looked for in the difference, blurred so that the thin lines of a watermark or of
    JPEG fade away; and in the normalized cross-correlation in a small window around each place,
    of which the lowest 1 % is taken.

    Args:
        a: one picture.
        b: the other one.
        guess: take the two for equally framed where their features do not say how they lie,
            as in blurred pictures.
    """
    affine, agree = align(a.features, b.features)
    if affine is None or agree < MIN_AGREE:
        if not guess:
            return DIFFERENT
        (height, width), (h, w) = a.grey.shape, b.grey.shape
        affine = np.array([[width / w, 0, 0], [0, height / h, 0]])
    if not 0.2 < np.linalg.det(affine[:, :2]) < 5:
        return DIFFERENT  # more than double in size: no such copies are looked for
    flat_a, flat_b = _smooth(a.grey), _smooth(b.grey)
    warp = _refine(flat_a, flat_b, cv2.invertAffineTransform(affine).astype(np.float32))
    laid, covered = _lay(flat_b, warp, flat_a.shape)
    union = covered.size + b.grey.size * abs(1 / np.linalg.det(warp[:, :2])) - covered.sum()
    overlap = float(covered.sum() / union)
    if overlap < MIN_OVERLAP:
        return Verdict(False, overlap=overlap)
    inner = _inner(covered)
    if not inner.any() or min(flat_a[inner].std(), laid[inner].std()) < _FLAT:
        return Verdict(False, overlap=overlap)  # no contrast: nothing that could be compared
    contrast = float(flat_a[inner].std())
    difference = _difference(flat_a, laid, inner, contrast)
    similarity = _similarity(flat_a, laid, inner)
    same = difference <= MAX_DIFFERENCE and similarity >= MIN_SIMILARITY
    if same and a.has_colour and b.has_colour:
        one = _smooth(a.colour)
        other = _lay(_smooth(b.colour), warp, flat_a.shape)[0]
        same = all(
            _difference(one[..., channel], other[..., channel], inner, contrast)
            <= MAX_COLOUR_DIFFERENCE
            for channel in range(3)
        )
    return Verdict(same, similarity, difference, overlap)


def _smooth(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _BLUR), dtype=np.uint8)


def _refine(a: Grey, b: Grey, warp: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    try:
        # The stubs know only the form without a mask.
        _, better = cv2.findTransformECC(a, b, warp.copy(), cv2.MOTION_AFFINE, _ECC, None, 5)  # type: ignore[call-overload]
    except cv2.error:
        return warp  # it does not converge: the pictures are unlike, as the comparison will tell
    return np.asarray(better, dtype=np.float32)


def _lay(
    b: npt.NDArray[np.uint8], warp: npt.NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Return b as it lies on a picture of this shape, and where it covers it."""
    size = shape[1], shape[0]
    whole = np.full(b.shape[:2], 255, np.uint8)
    laid = cv2.warpAffine(b, warp, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    covered = cv2.warpAffine(whole, warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return np.asarray(laid, dtype=np.uint8), np.asarray(covered) > 0


def _inner(covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Leave out the margin, where a frame or the interpolation shows."""
    padded = cv2.copyMakeBorder(covered.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cv2.erode(padded, np.ones((_MARGIN, _MARGIN)))[1:-1, 1:-1] > 0


def _difference(a: Grey, b: Grey, where: npt.NDArray[np.bool_], contrast: float) -> float:
    rest = a.astype(np.float32) - _matched(b, a, where)
    return float(np.abs(_Mean(where, _BLOT)(rest))[where].max() / contrast)


def _matched(image: Grey, to: Grey, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return a picture with its brightness changed to have another one's distribution."""
    counts = np.bincount(image[where], minlength=256)
    middles = np.cumsum(counts) - counts / 2
    levels = np.interp(middles, np.cumsum(np.bincount(to[where], minlength=256)), np.arange(256))
    matched: npt.NDArray[np.float32] = levels.astype(np.float32)[image]
    return matched


def _similarity(a: Grey, b: Grey, where: npt.NDArray[np.bool_]) -> float:
    mean = _Mean(where, _WINDOW)
    x, y = (
        ((image - image[where].mean()) / image[where].std()).astype(np.float32) for image in (a, b)
    )
    mean_x, mean_y = mean(x), mean(y)
    # The floor lets windows without contrast agree, whatever noise is in them.
    variance_x, variance_y = (
        np.maximum(mean(image * image) - middle * middle, 0) + _FLOOR**2
        for image, middle in ((x, mean_x), (y, mean_y))
    )
    covariance = mean(x * y) - mean_x * mean_y + _FLOOR**2
    agreement = covariance / np.sqrt(variance_x * variance_y)
    return float(np.percentile(agreement[where], _PERCENTILE))


class _Mean:
    """Weighted means around each place, of what lies in a part of the picture."""

    def __init__(self, where: npt.NDArray[np.bool_], width: float) -> None:
        self._width = width
        self._weight = where.astype(np.float32)
        self._share = np.maximum(self._blurred(self._weight), np.float32(1e-3))

    def __call__(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.divide(self._blurred(values * self._weight), self._share)

    def _blurred(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), self._width), dtype=np.float32)
