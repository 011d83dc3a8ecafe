"""The training run: head first, then fine-tuning, resumable, and the model folder at its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Before Keras is imported: TensorFlow reads it then. What it logs as errors is what it copes with,
# such as that there is no GPU; what fails raises.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import numpy.typing as npt
from tqdm.keras import TqdmCallback

from maskdet.progress import SILENT, Progress
from maskdet.train import network, run, workers
from maskdet.train.callbacks import (
    Backup,
    BestKeeper,
    History,
    epochs_backed_up,
    go_on,
    load_weights,
    read_history,
    save_weights,
    train_and_keep_best,
    warm_cosine,
)
from maskdet.train.export import Outcome, write_model
from maskdet.train.faces import center
from maskdet.train.options import TrainOptions
from maskdet.train.prepare import Prepared, collect, prepare
from maskdet.train.sequence import AugmentedFaces
from maskdet.train.subsets import warn_of_what_weights_know


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
    extra: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> TrainResult:
    """Fine-tune MobileNetV2 on labelled faces and write a model folder.

    The head is trained on the frozen backbone's features, which are computed once; then the
    network is fine-tuned on augmented faces with batch norm frozen. The epoch with the best
    validation macro-F1 is kept, epoch 0 being the head alone. Ctrl-C ends the fine-tuning and
    keeps the best so far.

    Args:
        roots: the data, see ``labels.dataset.load``.
        out: the model's folder, e.g. ``model/mine``.
        options: see TrainOptions.
        extra: more faces that are trained on, but not validated on, see ``prepare.collect``.
        resume: go on with the run that was cut short in ``out``.
        overwrite: replace what is there already, a model or an unfinished run.
        progress: makes the bars.

    Raises:
        InputError: unusable data, ``out`` lies in it or is ``weights``, or ``resume`` with
            other data or options or without a run.
        ModelError: backbone weights missing, or the ONNX export differs from Keras.
        OutputError: ``out`` is taken or cannot be written.
    """
    network.check(options.image_size, options.weights, options.alpha, ("classification",))
    begun = network.trained(options.weights)
    run.check_place(out, [*roots, *extra], resume, overwrite, begun)
    data = collect(roots, options, extra)
    with run.work_folder(out, resume) as work:
        prepared = prepare(data, work, options, progress)
        warn_of_what_weights_know(begun, prepared.validated())
        keras.utils.set_random_seed(options.seed)
        model = network.build(
            len(prepared.classes), options.image_size, options.alpha, options.weights
        )
        parts = prepared.training, prepared.validation
        run.keep_record(work, prepared.faces.fingerprint(), parts, asdict(options), resume)
        interrupted = _fit(model, prepared, work, options, progress)
        outcome = write_model(out, model, prepared, options, read_history(work))
        if not interrupted:
            shutil.rmtree(work)
    return TrainResult(out, outcome, prepared.faces.problems, interrupted)


def _fit(
    model: keras.Model, prepared: Prepared, work: Path, options: TrainOptions, progress: Progress
) -> bool:
    """Train, load the best epoch's weights into ``model``; return whether interrupted."""
    weights = work / "head.weights.h5"
    if weights.exists():
        load_weights(model, weights)
    else:
        _train_head(model, prepared, options, progress)
        save_weights(model, weights)
    held = np.flatnonzero(prepared.validation)
    faces = np.ascontiguousarray(center(prepared.faces.faces, options.image_size)[held])
    validation = (faces, prepared.targets()[held])
    best = BestKeeper(work, options.patience)

    def measure() -> dict[str, float]:
        jit = network.jit_compile()
        model.compile(loss=_loss(options), metrics=_metrics(), jit_compile=jit)
        figures = model.evaluate(*validation, verbose=0, return_dict=True)
        return {f"val_{name}": value for name, value in figures.items()}

    def fine_tune() -> None:
        _fine_tune(model, prepared, validation, best, options, progress)

    return train_and_keep_best(
        model, best, measure, fine_tune if epochs_backed_up(work) < options.epochs else None
    )


def _train_head(
    model: keras.Model, prepared: Prepared, options: TrainOptions, progress: Progress
) -> None:
    features = _features(model.get_layer(network.FEATURES), prepared, options, progress)
    head = model.get_layer(network.HEAD)
    targets, held, training = prepared.targets(), prepared.validation, prepared.training
    network.make_ready(head, keras.optimizers.Adam(1e-3), _loss(options), _metrics())
    head.fit(
        features[training],
        targets[training],
        batch_size=options.batch_size,
        validation_data=(features[held], targets[held]),
        epochs=options.head_epochs,
        class_weight=class_weights(prepared.label[training], options.class_weight_power),
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
    model: keras.Model,
    prepared: Prepared,
    validation: tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]],
    best: BestKeeper,
    options: TrainOptions,
    progress: Progress,
) -> None:
    network.fine_tune_from(network.classifier_backbone(model), options.fine_tune_from)
    training = np.flatnonzero(prepared.training)
    with workers.start(prepared.file, options.image_size, os.cpu_count() or 1) as pool:
        batches = AugmentedFaces(
            pool,
            training,
            prepared.targets()[training],
            options.batch_size,
            options.seed,
            epoch=epochs_backed_up(best.folder),
        )
        # At the full rate, the steps of a fresh Adam make the network forget the rare class,
        # which then takes epochs to come back.
        schedule = warm_cosine(options.learning_rate, options.epochs, len(batches), len(batches))
        # With batch norm frozen nothing else keeps a bad batch from throwing the weights off.
        optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
        network.make_ready(model, optimizer, _loss(options), _metrics())
        model.fit(
            batches,
            validation_data=validation,
            initial_epoch=go_on(model, best.folder),
            epochs=options.epochs,
            class_weight=class_weights(prepared.label[training], options.class_weight_power),
            callbacks=[
                History(best.folder),
                best,
                Backup(best.folder),
                TqdmCallback(verbose=1, tqdm_class=progress, desc="fine-tune"),
            ],
            verbose=0,
        )


def _loss(options: TrainOptions) -> keras.losses.Loss:
    return keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)


def _metrics() -> list[keras.metrics.Metric]:
    return [
        keras.metrics.CategoricalAccuracy(name="accuracy"),
        keras.metrics.F1Score(average="macro", name="macro_f1"),
    ]


def class_weights(label: npt.NDArray[np.int64], power: float) -> dict[int, float]:
    """Return the weight of each class in the loss: (n / (classes * n of the class)) ** power.

    They are scaled so that the mean weight of a face is 1. With ``power`` 1 every class counts
    alike, however few its faces; 0.5 is between that and no weights at all (0).
    """
    present, counts = np.unique(label, return_counts=True)
    weights = (len(label) / (len(present) * counts)) ** power
    weights *= len(label) / np.sum(weights * counts)
    return dict(zip(present.tolist(), weights.tolist(), strict=True))
