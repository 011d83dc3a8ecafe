"""``split.csv`` in a model's folder: what it was trained on, and what it was validated on."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet.files import write_bytes
from maskdet.labels.dataset import Sample

log = logging.getLogger(__name__)

SPLIT = "split.csv"


def warn_of_what_weights_know(folder: Path | None, names: Sequence[str]) -> None:
    """Report to the log how many validation pictures a model was trained on before.

    Args:
        folder: of the model whose weights a run begins with; None if it is none of maskdet's.
        names: of the pictures of the run's validation part.
    """
    if folder is None or not (folder / SPLIT).is_file():
        return
    known = {name for name, _ in read_split(folder, "training")}
    shared = sum(name in known for name in names)
    if shared:
        log.warning(
            "%d of %d validation pictures are among those that %s was trained on, so validation "
            "figures will flatter: give both runs the same parts, by the column split of "
            "manifest.csv",
            shared,
            len(names),
            folder,
        )


def read_split(folder: Path, subset: str) -> set[tuple[str, str]]:
    """Return picture and box of each face that a model's ``split.csv`` has in a subset."""
    with (folder / SPLIT).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.DictReader(file)
        return {(row["file"], row["box"]) for row in rows if row["subset"] == subset}


def write_split(
    folder: Path,
    samples: Sequence[Sample],
    cluster: npt.NDArray[np.int64],
    training: npt.NDArray[np.bool_],
    validation: npt.NDArray[np.bool_],
) -> None:
    """Write ``split.csv`` into a folder, a row a sample.

    The subset of an extra that is in neither part is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["file", "box", "class", "group", "cluster", "subset"])
    subsets = np.select([validation, training], ["validation", "training"], default="")
    for sample, number, subset in zip(samples, cluster, subsets.tolist(), strict=True):
        box = " ".join(f"{v:g}" for v in sample.box.to_list()) if sample.box else ""
        writer.writerow([sample.name, box, sample.label, sample.group, number, subset])
    # A name may hold bytes that are no UTF-8.
    write_bytes(folder / SPLIT, text.getvalue().encode(errors="surrogateescape"))
