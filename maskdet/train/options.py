"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of ``fit.train``; together with the data they determine the result.

    ``image_size`` is the side of the network's input in pixels, ``margin`` as in
    ``crop_faces``, ``weights`` as in ``network.build``, ``epochs`` the most epochs of
    fine-tuning (``head_epochs``: of the head before it), ``patience`` how many epochs without
    a better validation macro-F1 end a stage, ``fine_tune_from`` the first block that is
    fine-tuned (0 to 17), ``class_weight_power`` how far class weights make up for uneven
    classes (1: in full, 0: not), ``learning_rate`` what fine-tuning rises to over its first
    epoch, before a cosine decay, ``validation`` the part of the faces that is kept for validation
    (where no manifest gives one), ``limit`` the most faces to use (None: all), ``exclude`` what
    to leave out, see ``labels.dataset.load``.
    """

    image_size: int = 128
    alpha: float = 1.0
    margin: float = 0.1
    weights: str = "imagenet"
    epochs: int = 20
    head_epochs: int = 30
    batch_size: int = 32
    patience: int = 5
    fine_tune_from: int = 3
    learning_rate: float = 1e-4
    label_smoothing: float = 0.05
    class_weight_power: float = 0.5
    validation: float = 0.15
    limit: int | None = None
    exclude: tuple[str, ...] = ()
    seed: int = 0
