"""What a training run of the detector is asked to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Options of ``detector.fit.train``; together with the data they determine the result.

    ``image_size`` is the longer side in pixels of what the network sees of a photograph at work
    and in validation, ``crop_size`` the side of the crops that it is trained on (both multiples
    of 32; see ``sequence.LARGE``), ``alpha`` and ``weights`` as in ``network.build``,
    ``fine_tune_from`` the first block of the backbone that is trained (0 to 17; all of it
    without weights), ``epochs`` the most epochs,
    ``crops`` how many of them each has, ``patience`` how many of them without
    a better validation mAP end the run, ``learning_rate`` what the cosine decay starts from,
    ``class_weight_power`` how far rare classes are drawn more often (1: in full, 0: not),
    ``mosaic`` the part of the crops that are laid together from four, ``validation`` the part of
    the photographs that is kept for validation (where no manifest gives one), ``limit`` the most
    photographs to use (None: all), ``exclude`` what to leave out, see ``labels.dataset.load``,
    ``ignore_model`` YuNet's file: where it sees a face that nobody labelled, nothing is learnt.
    """

    image_size: int = 640
    crop_size: int = 320
    alpha: float = 1.0
    weights: str = "imagenet"
    fine_tune_from: int = 3
    epochs: int = 60
    crops: int = 1000
    batch_size: int = 16
    patience: int = 15
    learning_rate: float = 1e-3
    class_weight_power: float = 0.5
    mosaic: float = 0.25
    validation: float = 0.15
    limit: int | None = None
    exclude: tuple[str, ...] = ()
    ignore_model: str | None = None
    seed: int = 0
