"""Pictures of a training run: curves and confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def curves(
    history: Sequence[dict[str, float]],
    path: Path,
    names: Sequence[str] = ("loss", "accuracy", "macro_f1"),
) -> None:
    """Draw loss, accuracy and macro-F1, or what ``names`` says, over the epochs.

    Epoch 0 has validation figures only.
    """
    figure = Figure(figsize=(4 * len(names), 4), layout="constrained")
    axes = figure.subplots(1, len(names))
    for axis, name in zip(axes, names, strict=True):
        for key, title in ((name, "training (augmented)"), (f"val_{name}", "validation")):
            shown = [figures for figures in history if key in figures]
            if not shown:
                continue
            axis.plot(
                [int(figures["epoch"]) for figures in shown],
                [figures[key] for figures in shown],
                marker=".",
                label=title,
            )
        axis.set(xlabel="epoch", title=name.replace("_", "-").replace("f1", "F1"))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
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
