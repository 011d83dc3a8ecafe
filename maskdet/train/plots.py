"""Pictures of a training run: curves, confusion matrix, contact sheet of augmented faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from maskdet import images
from maskdet.classes import COLOURS, SHORT


def curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw loss, accuracy and macro-F1 over the epochs; epoch 0 has validation figures only."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, name in zip(axes, ("loss", "accuracy", "macro_f1"), strict=True):
        for key, title in ((name, "training (augmented)"), (f"val_{name}", "validation")):
            shown = [figures for figures in history if key in figures]
            axis.plot(
                [int(figures["epoch"]) for figures in shown],
                [figures[key] for figures in shown],
                marker=".",
                label=title,
            )
        axis.set(xlabel="epoch", title=name.replace("_", "-").replace("f1", "F1"))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix: a row a true class, a column a predicted one."""
    counts = np.asarray(matrix, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 1.3 * len(classes)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axis = figure.subplots()
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
    names = [name.replace("_", "\n") for name in classes]
    axis.set_xticks(range(len(names)), names)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true", title="validation faces")
    figure.savefig(path, dpi=100)


def contact_sheet(
    faces: npt.NDArray[np.uint8], labels: Sequence[str], path: Path, columns: int = 12
) -> None:
    """Write faces in a grid, each with its class below it.

    Args:
        faces: uint8, shape (n, size, size, 3), RGB.
        labels: n class names.
        path: of the picture.
        columns: faces a row.

    Raises:
        OutputError: the picture cannot be written.
    """
    side, band = max(96, faces.shape[1]), 18
    rows = -(-len(faces) // columns)
    sheet = np.full((rows * (side + band), columns * side, 3), 255, np.uint8)
    for index, (face, label) in enumerate(zip(faces, labels, strict=True)):
        top, left = index // columns * (side + band), index % columns * side
        resized = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2BGR), (side, side))
        sheet[top : top + side, left : left + side] = resized
        cv2.putText(
            sheet,
            SHORT.get(label, label),
            (left + 4, top + side + band - 5),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.45,
            COLOURS.get(label, (0, 0, 0)),
            1,
            cv2.LINE_AA,
        )
    images.write(path, sheet)
