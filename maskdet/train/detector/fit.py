"""The detector's training run, resumable, and the model folder at its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Before Keras is imported: TensorFlow reads it then. What it logs as errors is what it copes with,
# such as that there is no GPU; what fails raises.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from tqdm.keras import TqdmCallback

from maskdet.progress import SILENT, Progress
from maskdet.train import run
from maskdet.train.callbacks import (
    Backup,
    BestKeeper,
    History,
    epochs_backed_up,
    go_on,
    read_history,
    train_and_keep_best,
    warm_cosine,
)
from maskdet.train.detector import network, validate, workers
from maskdet.train.detector.export import METRIC, Outcome, write_model
from maskdet.train.detector.losses import detection_loss
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.prepare import Scenes, collect, prepare
from maskdet.train.detector.sequence import Crops
from maskdet.train.network import check, make_ready, trained
from maskdet.train.subsets import warn_of_what_weights_know

_AVERAGED = 1 / 20, 1000
"""Weights are averaged over about this part of all steps, but no more than so many."""

_DECAY = 0.01
_NOT_DECAYED = ["bias", "gamma", "beta", "head_scale"]


@dataclass(frozen=True, slots=True)
class DetectorResult:
    """What came out: the model's folder, validation figures, and what could not be used."""

    folder: Path
    outcome: Outcome
    problems: list[str]
    interrupted: bool


def train(
    roots: Sequence[Path],
    out: Path,
    options: DetectorOptions,
    *,
    extra: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> DetectorResult:
    """Train maskdet's own detector on labelled photographs and write a model folder.

    The network learns from crops that zoom in on a face each. After each epoch the average of its
    weights over the last steps is measured on the validation photographs as a whole, and the
    epoch with the best mAP at IoU 0.5 is kept. Ctrl-C ends the training and keeps the best so far.

    Args:
        roots: the data, photographs with VOC files, see ``labels.dataset.load``.
        out: the model's folder, e.g. ``model/mine``.
        options: see DetectorOptions.
        extra: more photographs that are trained on, but not validated on.
        resume: go on with the run that was cut short in ``out``.
        overwrite: replace what is there already, a model or an unfinished run.
        progress: makes the bars.

    Raises:
        InputError: unusable data, ``out`` lies in it or is ``weights``, or ``resume`` with
            other data or options or without a run.
        ModelError: backbone weights or YuNet's file missing, or the ONNX export differs from Keras.
        OutputError: ``out`` is taken or cannot be written.
    """
    for size in (options.image_size, options.crop_size):
        check(size, options.weights, options.alpha, ("detection", "classification"))
    begun = trained(options.weights)
    run.check_place(out, [*roots, *extra], resume, overwrite, begun)
    photos, problems = collect(roots, options, extra)
    with run.work_folder(out, resume) as work:
        scenes = prepare(photos, problems, options, progress)
        held = [photo.name for photo in scenes.part(scenes.validation)]
        warn_of_what_weights_know(begun, held)
        keras.utils.set_random_seed(options.seed)
        model = network.build(
            scenes.classes, options.alpha, options.weights, options.fine_tune_from
        )
        parts = scenes.training, scenes.validation
        run.keep_record(work, scenes.fingerprint, parts, asdict(options), resume)
        interrupted = _fit(model, scenes, work, options, progress)
        outcome = write_model(out, model, scenes, options, read_history(work))
        if not interrupted:
            shutil.rmtree(work)
    return DetectorResult(out, outcome, scenes.problems, interrupted)


def _fit(
    model: keras.Model, scenes: Scenes, work: Path, options: DetectorOptions, progress: Progress
) -> bool:
    """Train, load the best epoch's weights into ``model``; return whether interrupted."""
    validation = Validation(model, scenes, options)
    best = BestKeeper(work, options.patience, METRIC)

    def run_epochs() -> None:
        _train(model, scenes, validation, best, options, progress)

    return train_and_keep_best(
        model,
        best,
        validation.figures,
        run_epochs if epochs_backed_up(work) < options.epochs else None,
    )


def _train(
    model: keras.Model,
    scenes: Scenes,
    validation: Validation,
    best: BestKeeper,
    options: DetectorOptions,
    progress: Progress,
) -> None:
    photos = scenes.part(scenes.training)
    with workers.start(photos, scenes.classes, options, os.cpu_count() or 1) as pool:
        batches = Crops(
            pool,
            photos,
            options.crops,
            options.crop_size,
            options.class_weight_power,
            options.batch_size,
            options.seed,
            epoch=epochs_backed_up(best.folder),
        )
        make_ready(model, optimizer(options, len(batches)), detection_loss(len(scenes.classes)))
        # What is measured and kept is the average; what goes on, and is backed up, is not.
        swap = SwapAverages()
        model.fit(
            batches,
            initial_epoch=go_on(model, best.folder),
            epochs=options.epochs,
            callbacks=[
                swap,
                validation,
                History(best.folder),
                best,
                swap,
                Backup(best.folder),
                TqdmCallback(verbose=1, tqdm_class=progress, desc="train"),
            ],
            verbose=0,
        )


def optimizer(options: DetectorOptions, steps: int) -> keras.optimizers.Optimizer:
    """Return AdamW with a warm-up of an epoch, cosine decay and averaged weights.

    Args:
        options: see DetectorOptions.
        steps: of an epoch.
    """
    total = options.epochs * steps
    part, most = _AVERAGED
    result = keras.optimizers.AdamW(
        warm_cosine(
            options.learning_rate, options.epochs, steps, min(steps, options.epochs * steps // 10)
        ),
        weight_decay=_DECAY,
        global_clipnorm=10.0,
        use_ema=True,
        ema_momentum=1 - 1 / min(max(part * total, 2), most),
    )
    result.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return result


class SwapAverages(keras.callbacks.Callback):  # type: ignore[misc]
    """Swaps the weights with their averages after an epoch; a second time, back again.

    Keras' own callback for that lets both share memory, which JAX then frees under one of them.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        optimizer = self.model.optimizer
        for weight, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        ):
            value = np.array(weight)
            weight.assign(np.array(average))
            average.assign(value)


class Validation(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the network on the validation photographs after each epoch.

    It adds the figures to the epoch's own, and so must come before what reads them.
    """

    def __init__(self, model: keras.Model, scenes: Scenes, options: DetectorOptions) -> None:
        super().__init__()
        self._network = network.with_scores(model, len(scenes.classes))
        # Made once: every epoch looks at the same.
        self._views = list(validate.batches(scenes.part(scenes.validation), options.image_size))
        self._classes = scenes.classes

    def figures(self) -> dict[str, float]:
        """Return the figures under their names in the history."""
        seen = validate.look(self._network, self._views, self._classes)
        measured = validate.figures(seen, self._classes)
        return {f"val_{name}": value for name, value in measured.items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        _ = self.model  # under JAX, asking for it brings its weights up to date
        if logs is not None:
            logs.update(self.figures())
