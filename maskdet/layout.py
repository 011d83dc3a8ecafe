"""How a folder of pictures is laid out: where VOC files lie, and what folders are named after."""

from __future__ import annotations

import glob
from pathlib import Path, PurePath

from maskdet import images
from maskdet.classes import canonical
from maskdet.errors import InputError


def pictures(root: Path) -> tuple[list[Path], list[str]]:
    """Return the pictures below a folder, and in words what cannot be labelled.

    Of pictures that would share one VOC file (``a.jpg`` beside ``a.png``) only the first is
    returned.

    Raises:
        InputError: it is no folder.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder: name another, or the data set with --data")
    problems: list[str] = []
    found: dict[Path, Path] = {}
    for path in images.find(root, lambda error: problems.append(str(error))):
        first = found.setdefault(voc_path(path), path)
        if first != path:
            problems.append(shared_boxes(path, first))
    return list(found.values()), problems


def shared_boxes(path: Path, first: Path) -> str:
    """Return what there is to say of a picture whose VOC file would be another's."""
    return f"{path} would share its VOC file with {first.name}: rename one"


def voc_path(picture: Path) -> Path:
    """Return where a picture's VOC file lies: beside it, with the ending ``.xml``."""
    return picture.with_suffix(".xml")


def own_voc(picture: Path) -> Path | None:
    """Return the VOC file of a picture, None if it has none or shares it with another picture."""
    boxes = voc_path(picture)
    if not boxes.is_file():
        return None  # said without reading the folder, which may be a large one of faces
    shared = any(
        other != picture
        and other.suffix.lower() in images.SUFFIXES
        and voc_path(other) == boxes  # a.1.jpg has a.1.xml
        for other in picture.parent.glob(f"{glob.escape(picture.stem)}.*")
    )
    return None if shared else boxes


def folder_class(name: PurePath) -> str | None:
    """Return the class that the nearest folder of ``name``, a picture's path, is named after."""
    return next(filter(None, map(canonical, name.parent.parts[::-1])), None)
