"""Pictures of an evaluation. Needs matplotlib and scikit-learn (extra ``train``)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from maskdet.classes import CLASSES, COLOURS
from maskdet.evaluate.detection import Detection
from maskdet.evaluate.metrics import Faces
from maskdet.evaluate.run import Evaluation

_FIGURE = ("value", "low", "high")

Corner = Literal["lower left", "lower right"]


def plots(result: Evaluation) -> dict[str, bytes]:
    """Draw what there is to see: SVG files by title."""
    drawn: dict[str, bytes] = {}
    faces, detection = result.faces, result.detection
    if faces is not None and "true_boxes" in result.metrics:
        boxes = result.metrics["true_boxes"]
        drawn["Confusion on true boxes"] = _draw(lambda axis: _confusion(axis, boxes["confusion"]))
        drawn["ROC on true boxes, one class against the others"] = _draw(
            lambda axis: _roc(axis, faces, boxes["by_class"])
        )
        drawn["Precision and recall on true boxes"] = _draw(
            lambda axis: _precision_recall(axis, faces, boxes["by_class"])
        )
        drawn["Reliability on true boxes"] = _draw(
            lambda axis: _reliability(axis, boxes["reliability"])
        )
    if detection is not None:
        found, pipeline = result.metrics["face_detector"], result.metrics["pipeline"]
        figures = {"face": found} | pipeline["by_class"]
        drawn["Precision and recall of the face detector and the pipeline"] = _draw(
            lambda axis: _detections(axis, detection, figures)
        )
        if detection.masked.any() and not detection.masked.all():
            drawn["ROC of the pipeline; a face that is not found counts as masked"] = _draw(
                lambda axis: _undetected(axis, detection, pipeline["undetected_as_masked"])
            )
    return drawn


def _draw(plot: Callable[[Axes], None]) -> bytes:
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    plot(figure.subplots())
    file = io.BytesIO()
    # Without a date and random names, the same figures give the same file.
    with rc_context({"svg.hashsalt": "maskdet"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _colour(name: str) -> tuple[float, float, float]:
    blue, green, red = COLOURS[name]
    return red / 255, green / 255, blue / 255


def _share(axis: Axes, x: str, y: str, legend: Corner) -> None:
    axis.set(xlabel=x, ylabel=y, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize="small", loc=legend)


def _with_area(name: str, kind: str, figure: Mapping[str, Any]) -> str:
    return f"{name}: {kind} {figure['value']:.3f}"


def _confusion(axis: Axes, matrix: list[list[int]]) -> None:
    counts = np.asarray(matrix, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        axis.text(
            column,
            row,
            f"{int(counts[row, column])}\n{shares[row, column]:.1%}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.6 else "black",
        )
    names = [name.replace("_", "\n") for name in CLASSES]
    axis.set_xticks(range(len(names)), names)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true")


def _classes_with_both(faces: Faces) -> list[int]:
    return [label for label in faces.present if not (faces.truth == label).all()]


def _roc(axis: Axes, faces: Faces, figures: Mapping[str, Any]) -> None:
    for label in _classes_with_both(faces):
        name = CLASSES[label]
        false, true, _ = roc_curve(faces.truth == label, faces.scores[:, label])
        text = _with_area(name, "AUC", figures[name]["roc_auc"])
        axis.plot(false, true, color=_colour(name), label=text)
    _share(axis, "false positive rate", "true positive rate", "lower right")


def _precision_recall(axis: Axes, faces: Faces, figures: Mapping[str, Any]) -> None:
    for label in _classes_with_both(faces):
        name = CLASSES[label]
        precision, recall, _ = precision_recall_curve(faces.truth == label, faces.scores[:, label])
        text = _with_area(name, "AUC", figures[name]["average_precision"])
        axis.plot(recall, precision, color=_colour(name), label=text, drawstyle="steps-post")
    _share(axis, "recall", "precision", "lower left")


def _reliability(axis: Axes, bins: list[dict[str, Any]]) -> None:
    filled = [item for item in bins if item["faces"]]
    most = max(item["faces"] for item in filled)
    axis.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axis.bar(
        [(item["from"] + item["to"]) / 2 for item in filled],
        [item["faces"] / most for item in filled],
        width=0.8 / len(bins),
        color="#dddddd",
        label="faces (share of the fullest bin)",
    )
    share = np.array([[item["accuracy"][key] for key in _FIGURE] for item in filled], np.float64)
    value, low, high = share.T
    axis.errorbar(
        [item["confidence"] for item in filled],
        value,
        # Of few faces, the share may lie outside of what the draws gave.
        np.nan_to_num([np.maximum(value - low, 0), np.maximum(high - value, 0)]),
        marker="o",
        color="black",
        elinewidth=1,
        label="share that is right, 95 % interval",
    )
    _share(axis, "probability of the chosen class", "share that is right", "lower right")


def _detections(axis: Axes, detection: Detection, figures: Mapping[str, Any]) -> None:
    for name in ("face", *CLASSES):
        recall, precision, _ = detection.rankings[name].curve()
        if np.isfinite(recall).all() and len(recall):
            colour = "black" if name == "face" else _colour(name)
            text = _with_area(name, "AP", figures[name]["average_precision"])
            # From recall 0 on, in steps: as the area is counted, and a single point is seen, too.
            steps = np.append(0, recall), np.append(precision[0], precision)
            axis.plot(*steps, color=colour, label=text, drawstyle="steps-pre")
    _share(axis, "recall", "precision", "lower left")


def _undetected(axis: Axes, detection: Detection, figures: Mapping[str, Any]) -> None:
    false, true, _ = roc_curve(detection.masked, detection.masked_scores)
    axis.plot(false, true, color="black", label=_with_area("masked", "AUC", figures["roc_auc"]))
    _share(
        axis, "bare faces that count as masked", "masked faces that count as masked", "lower right"
    )
