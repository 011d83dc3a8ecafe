"""What the ledger of a data set knows of the crops of its photographs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from maskdet import catalog, files
from maskdet.catalog import crops, pictures
from maskdet.labels.voc import VocObject


def set_aside(data: Path, faces: Path, stale: Sequence[str]) -> set[str]:
    """Return the crops that dedup has set aside for another that is there and not ``stale``."""
    if not (catalog.exists(data) and files.is_below(faces, data)):
        return set()
    with catalog.Catalog(data) as opened:
        above = f"{opened.relative(faces)}/"
        return {
            path.removeprefix(above)
            for path, kept in crops.set_aside(opened).items()
            if path.startswith(above)
            and kept.removeprefix(above) not in stale
            and opened.absolute(kept).is_file()
        }


def enter(
    data: Path,
    faces: Path,
    gone: Sequence[str],
    there: Mapping[str, tuple[Path, VocObject]],
    fresh: Collection[str],
) -> None:
    """Bring the ledger up to date, if there is one; what lies outside the data set is not in it.

    Args:
        data: the data set's root.
        faces: the crops' folder, below which all crops are named.
        gone: crops that are no more.
        there: the photograph of each crop, and which of its faces it shows.
        fresh: those of them that are newly made.
    """
    if not (catalog.exists(data) and files.is_below(faces, data)):
        return
    with catalog.Catalog(data) as opened:
        ids = {
            picture: pictures.register(opened, picture).id
            for picture in {picture for picture, _ in there.values()}
            if files.is_below(picture, data)
        }
        crops.update(
            opened,
            [opened.relative(faces / file) for file in gone],
            [
                crops.Crop(
                    opened.relative(faces / file),
                    ids[picture],
                    item.index,
                    item.label,
                    item.box,
                    file in fresh,
                )
                for file, (picture, item) in there.items()
                if picture in ids
            ],
        )
