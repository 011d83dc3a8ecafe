"""Augmentation of faces with imgaug (Jung et al.).

What the classic imgaug recipes hold and this one leaves out: upside-down flips, inverted
colours, channel shuffling and embossing (no camera gives such a face), PiecewiseAffine and
ElasticTransformation (they bend the mask's edge, which is what tells a mask that sits from
one that does not), Superpixels (slow, and unlike any camera), Fog, Clouds, Rain and Snow
(they hide small faces altogether; several fail on NumPy 2).
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt


def import_imgaug() -> Any:
    """Import and return ``imgaug``.

    imgaug 0.4.0 reads ``np.sctypes``, which NumPy 2 has dropped, while it is imported.
    """
    if not hasattr(np, "sctypes"):
        np.sctypes = {  # type: ignore[attr-defined]
            "int": [np.int8, np.int16, np.int32, np.int64],
            "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
            "float": [np.float16, np.float32, np.float64],
            "complex": [np.complex64, np.complex128],
            "others": [bool, object, bytes, str, np.void],
        }
    import imgaug
    import imgaug.augmenters

    return imgaug


def augmenter(size: int) -> Any:
    """Return an imgaug augmenter for faces with surroundings (see ``faces.canvas_side``).

    It takes uint8 RGB images of any side from ``size`` up and gives ``size`` x ``size``.
    """
    iaa = import_imgaug().augmenters
    return iaa.Sequential(
        [
            iaa.Fliplr(0.5),
            # Detectors' boxes are not perfect: they are off by some per cent, or too wide.
            iaa.Affine(
                scale=(0.8, 1.25),
                translate_percent={"x": (-0.07, 0.07), "y": (-0.07, 0.07)},
                rotate=(-15, 15),
                shear=(-6, 6),
                mode="edge",
            ),
            iaa.CenterCropToFixedSize(size, size),
            # Another thing before the face: it must not be taken for a mask.
            iaa.Sometimes(
                0.15,
                iaa.Cutout(
                    nb_iterations=1,
                    size=(0.15, 0.35),
                    fill_mode="gaussian",
                    fill_per_channel=0.7,
                    squared=False,
                ),
            ),
            iaa.Sometimes(0.5, iaa.Multiply((0.6, 1.4))),
            iaa.Sometimes(0.4, iaa.LinearContrast((0.7, 1.4))),
            iaa.Sometimes(0.3, iaa.AddToHueAndSaturation((-15, 15))),
            iaa.Sometimes(0.2, iaa.Multiply((0.85, 1.15), per_channel=True)),
            iaa.Sometimes(0.1, iaa.Grayscale((0.5, 1.0))),
            # Faces in crowds are small and soft: down and up again, to a side of 20 % at least.
            iaa.Sometimes(
                0.4,
                iaa.KeepSizeByResize(
                    iaa.Resize((0.2, 0.8), interpolation="area"), interpolation=["linear", "cubic"]
                ),
            ),
            iaa.Sometimes(0.2, iaa.OneOf([iaa.GaussianBlur((0.3, 1.5)), iaa.MotionBlur(k=(3, 7))])),
            iaa.Sometimes(0.2, iaa.AdditiveGaussianNoise(scale=(2, 12), per_channel=0.5)),
            iaa.Sometimes(0.3, iaa.JpegCompression((30, 85))),
        ]
    )


def augment(
    augmenter: Any, faces: npt.NDArray[np.uint8], seed: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Augment a batch, the same way for the same seed.

    Args:
        augmenter: made by ``augmenter``.
        faces: uint8, shape (n, canvas, canvas, 3), RGB.
        seed: any integers.

    Returns:
        uint8, shape (n, size, size, 3), RGB.
    """
    seed_all(augmenter, seed)
    return np.stack(augmenter(images=list(faces)))


def seed_all(augmenter: Any, seed: tuple[int, ...]) -> None:
    """Make what an augmenter does next depend on nothing but some integers."""
    state = int(np.random.SeedSequence(seed).generate_state(1)[0]) & 0x7FFFFFFF
    # Some augmenters draw from the global generators of the library or of Python.
    random.seed(state)
    import_imgaug().seed(state)
    augmenter.seed_(state)
