"""Where a synthetic picture comes from, as the ledger of its data set knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskdet import catalog, files, images
from maskdet.catalog import crops, pictures
from maskdet.labels.dataset import Sample
from maskdet.synth.worker import Made
from maskdet.types import Box


def enter(out: Path, made: Sequence[Made]) -> None:
    """Enter pictures below ``out``, if it lies in a data set with a ledger.

    They stand there as crops do: each leads to the picture that it was made of and to the first
    face that was treated; of a crop, to the picture that this was cut out of. So they are
    forgotten with it. What was made of pictures outside the data set is left out.
    """
    root = catalog.find_root(out)
    if root is None:
        return
    with catalog.Catalog(root) as opened:
        rows = []
        for item in made:
            origin = _origin(opened, item.targets[0])
            if origin:
                image_id, number, box = origin
                path = opened.relative(out / item.file)
                rows.append(crops.Crop(path, image_id, number, item.label, box, fresh=True))
        crops.update(opened, [], rows)


def _origin(opened: catalog.Catalog, target: Sample) -> tuple[int, int, Box] | None:
    """Return the id of a picture of the data set, and which face of it."""
    path = target.path
    if not files.is_below(path, opened.root):
        return None
    for row in opened.read("SELECT * FROM crops WHERE path = ?", (opened.relative(path),)):
        box = Box(row["x1"], row["y1"], row["x2"], row["y2"])
        return int(row["image_id"]), int(row["object"]), box
    box = target.box or Box(0, 0, *images.size(path))
    return pictures.register(opened, path).id, target.index, box
