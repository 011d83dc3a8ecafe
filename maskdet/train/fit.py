"""The training run: head first, then fine-tuning, resumable, and the model folder at its end."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before Keras is imported: TensorFlow reads it then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import numpy.typing as npt
from tqdm.keras import TqdmCallback

from maskdet.errors import InputError, OutputError
from maskdet.files import make_folder, write_bytes
from maskdet.models import store
from maskdet.progress import SILENT, Progress
from maskdet.train import network, workers
from maskdet.train.callbacks import (
    BestKeeper,
    History,
    backup,
    epochs_backed_up,
    read_history,
    save_weights,
)
from maskdet.train.export import Outcome, write_model
from maskdet.train.faces import center
from maskdet.train.options import TrainOptions
from maskdet.train.prepare import Prepared, prepare
from maskdet.train.sequence import AugmentedFaces

log = logging.getLogger(__name__)

WORK = ".work"
"""Folder inside the model's own: what a run keeps so that it can be resumed."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came out: the model's folder, validation figures, and what could not be used."""

    folder: Path
    outcome: Outcome
    problems: list[str]
    interrupted: bool


def train(
    roots: Sequence[Path],
    out: Path,
    options: TrainOptions,
    *,
    exclude: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> TrainResult:
    """Fine-tune MobileNetV2 on labelled faces and write a model folder.

    The head is trained on the frozen backbone's features, which are computed once; then the
    network is fine-tuned on augmented faces with batch norm frozen. The epoch with the best
    validation macro-F1 is kept. Ctrl-C ends the fine-tuning and keeps the best so far.

    Args:
        roots, exclude: the data, see ``labels.dataset.load``.
        out: the model's folder, e.g. ``model/mine``.
        options: see TrainOptions.
        resume: go on with the run that was cut short in ``out``.
        overwrite: replace a model that is there already.
        progress: makes the bars.

    Raises:
        InputError: unusable data, or ``resume`` with other options or without a run.
        ModelError: backbone weights missing, or the ONNX export differs from Keras.
        OutputError: ``out`` is taken or cannot be written.
    """
    if (out / store.DESCRIPTION).exists() and not overwrite and not (out / WORK).exists():
        raise OutputError(f"{out} holds a model already: choose another --out, or --overwrite it")
    work = _work_folder(out, roots, options, exclude, resume)
    keras.utils.set_random_seed(options.seed)
    prepared = prepare(roots, work, options, exclude, progress)
    for problem in prepared.faces.problems:
        log.warning("%s", problem)
    model = network.build(len(prepared.classes), options.image_size, options.alpha, options.weights)
    weights = work / "head.weights.h5"
    if weights.exists():
        model.load_weights(weights)
    else:
        _train_head(model, prepared, options, progress)
        save_weights(model, weights)
    interrupted = bool(options.epochs) and _fine_tune(model, prepared, work, options, progress)
    outcome = write_model(out, model, prepared, options, read_history(work))
    if not interrupted:
        shutil.rmtree(work)
    return TrainResult(out, outcome, prepared.faces.problems, interrupted)


def _work_folder(
    out: Path, roots: Sequence[Path], options: TrainOptions, exclude: Sequence[str], resume: bool
) -> Path:
    work = out / WORK
    asked = {
        "data": [str(root.resolve()) for root in roots],
        "exclude": list(exclude),
        **options.to_dict(),
    }
    record = work / "run.json"
    if resume:
        if not record.is_file():
            raise InputError(f"there is no run to resume in {out}")
        begun = json.loads(record.read_text(encoding="utf-8"))
        differing = [key for key in asked if asked[key] != begun.get(key)]
        if differing:
            raise InputError(
                "--resume needs the options that the run was begun with; different: "
                + ", ".join(f"{key} (was {begun.get(key)!r})" for key in differing)
            )
        return work
    if work.exists():
        shutil.rmtree(work)
    make_folder(work)
    write_bytes(record, json.dumps(asked, indent=2).encode())
    return work


def _train_head(
    model: keras.Model, prepared: Prepared, options: TrainOptions, progress: Progress
) -> None:
    features = _features(model.get_layer(network.FEATURES), prepared, options, progress)
    head = model.get_layer(network.HEAD)
    targets, held = prepared.targets(), prepared.validation
    _compile(head, keras.optimizers.Adam(1e-3), options)
    head.fit(
        features[~held],
        targets[~held],
        batch_size=options.batch_size,
        validation_data=(features[held], targets[held]),
        epochs=options.head_epochs,
        class_weight=class_weights(prepared.label[~held], options.class_weight_power),
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_macro_f1", mode="max", patience=options.patience, restore_best_weights=True
            ),
            TqdmCallback(verbose=0, tqdm_class=progress, desc="head"),
        ],
        verbose=0,
    )


def _features(
    backbone: keras.Model, prepared: Prepared, options: TrainOptions, progress: Progress
) -> npt.NDArray[np.float32]:
    """Return the backbone's features of all faces, not augmented: float32 (n, channels)."""
    faces = center(prepared.faces.faces, options.image_size)
    batch = 64
    parts = [
        backbone.predict_on_batch(np.ascontiguousarray(faces[start : start + batch]))
        for start in progress(range(0, len(faces), batch), desc="features", unit="batch")
    ]
    return np.concatenate(parts)


def _fine_tune(
    model: keras.Model, prepared: Prepared, work: Path, options: TrainOptions, progress: Progress
) -> bool:
    """Fine-tune, load the best epoch's weights into ``model``; return whether interrupted."""
    network.fine_tune_from(model, options.fine_tune_from)
    training = np.flatnonzero(~prepared.validation)
    held = np.flatnonzero(prepared.validation)
    targets = prepared.targets()
    validation = np.ascontiguousarray(center(prepared.faces.faces, options.image_size)[held])
    best = BestKeeper(work, options.patience)
    interrupted = False
    with workers.start(prepared.file, options.image_size, os.cpu_count() or 1) as pool:
        batches = AugmentedFaces(
            pool,
            training,
            targets[training],
            options.batch_size,
            options.seed,
            epoch=epochs_backed_up(work),
        )
        schedule = keras.optimizers.schedules.CosineDecay(
            options.learning_rate, options.epochs * len(batches), alpha=0.02
        )
        # With batch norm frozen nothing else keeps a bad batch from throwing the weights off.
        _compile(model, keras.optimizers.Adam(schedule, global_clipnorm=1.0), options)
        try:
            model.fit(
                batches,
                validation_data=(validation, targets[held]),
                epochs=options.epochs,
                class_weight=class_weights(prepared.label[training], options.class_weight_power),
                callbacks=[
                    History(work),
                    best,
                    backup(work),
                    TqdmCallback(verbose=1, tqdm_class=progress, desc="fine-tune"),
                ],
                verbose=0,
            )
        except KeyboardInterrupt:
            if not best.path.exists():
                raise
            interrupted = True
        pool.shutdown(cancel_futures=True)
    if best.path.exists():
        model.load_weights(best.path)
    return interrupted


def _compile(model: keras.Model, optimizer: Any, options: TrainOptions) -> None:
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.F1Score(average="macro", name="macro_f1"),
        ],
    )


def class_weights(label: npt.NDArray[np.int64], power: float) -> dict[int, float]:
    """Return the weight of each class in the loss: (n / (classes * n of the class)) ** power.

    They are scaled so that the mean weight of a face is 1. With ``power`` 1 every class counts
    alike, however few its faces; 0.5 is between that and no weights at all (0).
    """
    present, counts = np.unique(label, return_counts=True)
    weights = (len(label) / (len(present) * counts)) ** power
    weights *= len(label) / np.sum(weights * counts)
    return dict(zip(present.tolist(), weights.tolist(), strict=True))
