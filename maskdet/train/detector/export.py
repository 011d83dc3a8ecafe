"""Writing the detector's model folder, its ONNX file compared with Keras."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from maskdet import files, images
from maskdet.errors import ModelError
from maskdet.faces import own
from maskdet.labels.ap import LEAST_SCORE
from maskdet.labels.dataset import Sample
from maskdet.models import store
from maskdet.train import plots
from maskdet.train.detector import network, onnx_file, validate
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.photos import Photo
from maskdet.train.detector.prepare import Scenes
from maskdet.train.export import publish, recorded, save_bare, versions
from maskdet.train.subsets import write_split

METRIC = "val_map"
"""What the best epoch is chosen by."""

SCORE_TOLERANCE = 1e-3
BOX_TOLERANCE = 0.1
"""Largest differences between ONNX Runtime and Keras: of a score, and of a side of a box that
scores ``labels.ap.LEAST_SCORE``, in pixels of the input or, if that is more, in per cent of it."""

_COMPARED = 12
_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Validation figures of the best epoch, 0 to 1 each.

    ``average_precision`` is by class, ``map`` their mean, ``face_ap`` that of faces of whatever
    class. ``threshold`` is the working threshold, chosen for the best F1 of finding faces.
    """

    map: float
    face_ap: float
    average_precision: dict[str, float]
    threshold: float
    best_epoch: int
    epochs: int


def write_model(
    out: Path,
    model: keras.Model,
    scenes: Scenes,
    options: DetectorOptions,
    history: list[dict[str, float]],
) -> Outcome:
    """Write a trained detector to ``out`` and return its validation figures.

    The working threshold and the temperature of its class probabilities are chosen on the
    validation photographs. Everything is made in a folder beside and moved when it is complete
    and checked.

    Raises:
        ModelError: ONNX Runtime and Keras differ on validation photographs.
        OutputError: the folder cannot be written.
    """
    count = len(scenes.classes)
    run = network.with_scores(model, count)
    held = scenes.part(scenes.validation)
    seen = validate.look(run, validate.batches(held, options.image_size), scenes.classes)
    outcome = _outcome(seen, scenes.classes, history)
    with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as beside:
        folder = Path(beside)
        save_bare(model, folder / store.KERAS)
        onnx_file.export(model, folder / store.KERAS, count, folder / store.ONNX)
        info = store.ModelInfo(
            name=out.resolve().name,
            classes=scenes.classes,
            image_size=options.image_size,
            margin=_MARGIN,
            files={name: files.sha256(folder / name) for name in (store.KERAS, store.ONNX)},
            task="detection",
            thresholds={own.OwnFaceDetector.name: outcome.threshold},
            temperature=validate.temperature(seen, scenes.classes, outcome.threshold),
            training=recorded(options)
            | {
                "fingerprint": scenes.fingerprint,
                "photographs": int(scenes.training.sum()),
                "faces": scenes.counts(scenes.training),
                "validation_photographs": len(held),
                "validation_faces": scenes.counts(scenes.validation),
                "validation": asdict(outcome),
                "versions": versions(),
            },
        )
        store.save_info(folder, info)
        check_export(folder, run, held[:_COMPARED])
        files.write_bytes(folder / "history.json", json.dumps(history, indent=1).encode())
        write_split(
            folder,
            [_sample(photo) for photo in scenes.photos],
            scenes.cluster,
            scenes.training,
            scenes.validation,
        )
        plots.curves(history, folder / "curves.png", ("loss", "map", "face_ap"))
        publish(folder, out)
    return outcome


def _sample(photo: Photo) -> Sample:
    labels = sorted({face.label for face in photo.clear})
    return Sample(photo.path, photo.name, " ".join(labels), photo.group)


def _outcome(
    seen: list[validate.Seen], classes: tuple[str, ...], history: list[dict[str, float]]
) -> Outcome:
    figures = {name: round(value, 4) for name, value in validate.figures(seen, classes).items()}
    values = [line[METRIC] for line in history]
    return Outcome(
        map=figures["map"],
        face_ap=figures["face_ap"],
        average_precision={name: figures[f"ap_{name}"] for name in classes},
        threshold=validate.threshold(seen),
        best_epoch=values.index(max(values)),
        epochs=len(history) - 1,
    )


def check_export(folder: Path, run: keras.Model, photos: list[Photo]) -> float:
    """Compare a model folder's ONNX file with Keras, on photographs of whatever proportions.

    Args:
        folder: with ``model.json`` and ``model.onnx``.
        run: made by ``network.with_scores``.
        photos: what is compared on.

    Returns:
        The largest difference of a score.

    Raises:
        ModelError: a score differs by 1e-3 or a box by a tenth of a pixel.
    """
    detector = own.OwnFaceDetector(folder)
    largest = 0.0
    for photo in photos:
        image = images.read(photo.path)
        scale = own.scale_for(image.shape[1], image.shape[0], detector.info.image_size)
        canvas = own.letterbox(image, scale)[None]
        boxes, scores = detector.run(canvas)
        wanted = run.predict_on_batch(canvas)
        difference = float(np.abs(scores - wanted["scores"]).max())
        shown = wanted["scores"].max(axis=-1) >= LEAST_SCORE
        expected = wanted["boxes"][shown]
        off = np.abs(boxes[shown] - expected) / np.maximum(1, np.abs(expected) / 100)
        largest = max(largest, difference)
        if not (difference < SCORE_TOLERANCE and (off < BOX_TOLERANCE).all()):
            raise ModelError(
                f"the ONNX export differs from Keras by {difference:.2g} in a score and "
                f"{off.max(initial=0):.2g} pixels in a box on {photo.name} "
                f"(allowed: {SCORE_TOLERANCE:g}, {BOX_TOLERANCE:g}); nothing was written"
            )
    return largest
