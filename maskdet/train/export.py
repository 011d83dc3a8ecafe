"""Writing the model folder: Keras, ONNX checked against it, description, figures, plots."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from maskdet import files
from maskdet.errors import ModelError
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.train import calibrate, network, onnx_file, plots
from maskdet.train.callbacks import METRIC
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.faces import center
from maskdet.train.options import TrainOptions
from maskdet.train.prepare import Prepared
from maskdet.train.subsets import write_split

TOLERANCE = 1e-3
"""Largest difference of a probability between ONNX Runtime and Keras."""

OF_A_MODEL = ("metrics.json", "MODEL_CARD.md", "confusion.png")
"""Files that speak of one model and must not outlive it when it is replaced."""

_VERSIONS = ("maskdet", "keras", "tensorflow", "tf2onnx", "imgaug", "numpy", "opencv-python")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Validation figures of the best epoch, 0 to 1 each.

    ``confusion`` counts faces: a row a true class, a column a predicted one.
    """

    accuracy: float
    macro_f1: float
    recall: dict[str, float]
    precision: dict[str, float]
    confusion: list[list[int]]
    best_epoch: int
    epochs: int


def write_model(
    out: Path,
    model: keras.Model,
    prepared: Prepared,
    options: TrainOptions,
    history: list[dict[str, float]],
) -> Outcome:
    """Write a trained model to ``out`` and return its validation figures.

    Its probabilities are calibrated first: the last layer of ``model`` is divided by the
    temperature under which the validation labels are most likely.
    Everything is made in a folder beside and moved when it is complete and checked.

    Raises:
        ModelError: ONNX Runtime and Keras differ by more than 1e-3 on validation faces.
        OutputError: the folder cannot be written.
    """
    held = np.flatnonzero(prepared.validation)
    faces = center(prepared.faces.faces, options.image_size)[held]
    raw = model.predict(np.ascontiguousarray(faces), batch_size=64, verbose=0)
    temperature = calibrate.fit_temperature(raw, prepared.label[held])
    calibrate.apply(model, temperature)
    probabilities = model.predict(np.ascontiguousarray(faces), batch_size=64, verbose=0)
    outcome = _outcome(prepared, held, probabilities, history)
    with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as beside:
        folder = Path(beside)
        save_bare(model, folder / store.KERAS)
        onnx_file.export(model, folder / store.KERAS, folder / store.ONNX)
        info = store.ModelInfo(
            name=out.resolve().name,
            classes=prepared.classes,
            image_size=options.image_size,
            margin=options.margin,
            files={name: files.sha256(folder / name) for name in (store.KERAS, store.ONNX)},
            training=recorded(options)
            | {
                "fingerprint": prepared.faces.fingerprint(),
                "faces": prepared.counts(prepared.training),
                "validation_faces": prepared.counts(prepared.validation),
                "validation": asdict(outcome),
                "calibration": {
                    "temperature": round(temperature, 4),
                    "nll_before": round(calibrate.nll(raw, prepared.label[held]), 4),
                    "nll": round(calibrate.nll(probabilities, prepared.label[held]), 4),
                },
                "versions": versions(),
            },
        )
        store.save_info(folder, info)
        check_export(folder, faces, probabilities)
        files.write_bytes(folder / "history.json", json.dumps(history, indent=1).encode())
        write_split(
            folder,
            prepared.faces.samples,
            prepared.cluster,
            prepared.training,
            prepared.validation,
        )
        plots.curves(history, folder / "curves.png")
        plots.confusion(outcome.confusion, prepared.classes, folder / "confusion.png")
        publish(folder, out)
    return outcome


def save_bare(model: keras.Model, path: Path) -> None:
    """Save a network as a Keras file, without what training has added to it."""
    # A copy that was never compiled has no optimizer, whose state would treble the file.
    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(path)


def recorded(options: TrainOptions | DetectorOptions) -> dict[str, Any]:
    """Return what a model's description says of a run's options: no path of this machine.

    Of a model that the run began with, it has the name and the sha256 of the weights.
    """
    said = asdict(options)
    for name in ("weights", "ignore_model"):
        if said.get(name):
            said[name] = Path(said[name]).name
    if folder := network.trained(options.weights):
        said["weights"] = folder.resolve().name
        begun = store.load_info(folder).files[store.KERAS]
        return {"options": said, "begun_with": begun}
    return {"options": said}


def versions() -> dict[str, str]:
    """Return the versions of what has a part in the result, and Keras' backend."""
    found = {name: importlib.metadata.version(name) for name in _VERSIONS}
    return found | {"backend": keras.backend.backend()}


def publish(folder: Path, out: Path) -> None:
    """Move a complete model from a folder beside to its own, and what spoke of another away."""
    for name in OF_A_MODEL:
        (out / name).unlink(missing_ok=True)
    # The description last: until it is there, its checksums refuse a mixture.
    for path in sorted(folder.iterdir(), key=lambda path: path.name == store.DESCRIPTION):
        path.replace(out / path.name)


def check_export(
    folder: Path, faces: npt.NDArray[np.uint8], expected: npt.NDArray[np.float32]
) -> float:
    """Compare a model folder's ONNX file with Keras' probabilities.

    Args:
        folder: with ``model.json`` and ``model.onnx``.
        faces: uint8, shape (n, size, size, 3), RGB.
        expected: float32, shape (n, classes): what Keras makes of them.

    Returns:
        The largest difference.

    Raises:
        ModelError: it is 1e-3 or more.
    """
    got = Classifier(folder).predict(np.ascontiguousarray(faces))
    largest = float(np.abs(got - expected).max())
    if not largest < TOLERANCE:
        raise ModelError(
            f"the ONNX export differs from Keras by {largest:.2g} on validation faces "
            f"(allowed: {TOLERANCE:g}); nothing was written"
        )
    return largest


def _outcome(
    prepared: Prepared,
    held: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    history: list[dict[str, float]],
) -> Outcome:
    from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

    truth, guess = prepared.label[held], probabilities.argmax(axis=1)
    numbers = list(range(len(prepared.classes)))
    by_class = {"labels": numbers, "average": None, "zero_division": 0}

    def named(values: npt.NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(prepared.classes, values.round(4).tolist(), strict=True))

    values = [figures[METRIC] for figures in history]
    return Outcome(
        accuracy=round(float(np.mean(truth == guess)), 4),
        macro_f1=round(float(f1_score(truth, guess, labels=numbers, average="macro")), 4),
        recall=named(recall_score(truth, guess, **by_class)),
        precision=named(precision_score(truth, guess, **by_class)),
        confusion=confusion_matrix(truth, guess, labels=numbers).tolist(),
        best_epoch=values.index(max(values)),
        epochs=len(history) - 1,
    )
