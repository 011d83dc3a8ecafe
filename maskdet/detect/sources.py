"""Still pictures: which ones are meant, and where their annotated copies go."""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet import images
from maskdet.detect import film
from maskdet.detect.camera import without_password

STDIN = "-"
_KEPT_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

_UNREAD = {".heic", ".heif", ".jp2", ".jxl", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
"""Endings of pictures that ``images.read`` cannot read."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to process.

    ``source`` names it to the user and is unique in a run. ``inner`` is its path below the
    folder that was named, its name alone where it was named itself. ``data`` is its content
    if it does not lie in a file. ``problem`` says why there is none.
    """

    source: str
    inner: Path
    data: bytes | None = None
    problem: str | None = None

    def read(self) -> images.Bgr:
        """Return the picture as ``images.read`` does; raises InputError."""
        return images.read(self.source if self.data is None else self.data)


def expand(inputs: Sequence[str], stdin: bytes | None = None) -> list[Picture]:
    """Return the pictures that are meant, each once.

    What does not exist or holds no picture becomes a Picture with a ``problem``. Earlier
    output (``*.maskdet.*``) is left out, unless it is all that is named. The log warns of pictures
    in folders that are of a kind that cannot be read.

    Args:
        inputs: files, folders (searched recursively), patterns (``*``, ``?``, ``[...]``,
            ``**``; a file of that very name comes first) or ``-``.
        stdin: the content of the image file that ``-`` stands for.
    """
    found: dict[str, Picture] = {}
    for given in inputs:
        try:
            for picture in _expand_one(given, stdin):
                found.setdefault(_identity(picture), picture)
        except OSError as error:
            problem = f"cannot read {given}: {error.strerror or error}"
            found.setdefault(given, _problem(given, problem))
    fresh = [p for p in found.values() if p.problem is not None or not images.is_annotated(p.inner)]
    return fresh or list(found.values())


def _expand_one(given: str, stdin: bytes | None) -> Iterator[Picture]:
    path = Path(given)
    if given == STDIN:
        yield Picture(given, Path("stdin"), data=stdin or b"")
    elif path.is_dir():
        yield from _search(path)
    elif path.exists():
        yield Picture(given, Path(path.name))
    elif glob.has_magic(given):
        # Path.glob takes no absolute pattern.
        names = sorted(glob.glob(given, recursive=True))  # noqa: PTH207
        matches = [Path(name) for name in names]
        # With ** the files below a folder are mostly matches of their own.
        alone = "**" in given and not all(match.is_dir() for match in matches)
        for match in matches:
            if not match.is_dir():
                yield Picture(str(match), Path(match.name))
            elif not alone:
                yield from _search(match)
        if not matches:
            yield _problem(given, f"no file matches {given}")
    else:
        yield _problem(given, f"there is no file or folder {given}")


def films(paths: Sequence[str]) -> list[Picture]:
    """Return the films that are meant, each once; whether they exist shows when they are read."""
    return [Picture(path, Path(Path(path).name)) for path in dict.fromkeys(paths)]


def camera(source: str) -> Picture:
    """Return a camera or stream, ``inner`` being a name that a file of its pictures can have."""
    if source.isdecimal():
        return Picture(source, Path(f"camera-{source}"))
    place = re.sub(r"^\w+://", "", without_password(source))
    return Picture(source, Path(re.sub(r"[^\w]+", "-", place).strip("-") or "camera"))


def _search(folder: Path) -> Iterator[Picture]:
    unreadable: list[OSError] = []
    seen = images.find(folder, unreadable.append, images.SUFFIXES | _UNREAD)
    others = [path for path in seen if path.suffix.lower() in _UNREAD]
    found = [path for path in seen if path.suffix.lower() not in _UNREAD]
    for path in found:
        yield Picture(str(path), path.relative_to(folder))
    for error in unreadable:
        yield _problem(str(error.filename), f"cannot read {error.filename}: {error.strerror}")
    kinds = ", ".join(sorted({path.suffix.lower() for path in others}))
    if not found and not unreadable:
        unread = f", and maskdet cannot read {kinds}" if others else ""
        yield _problem(
            str(folder),
            f"there is no picture in the folder {folder} (*{images.MARK}.* is left out){unread}",
        )
    elif others:
        log.warning(
            "%s: pictures left out that maskdet cannot read: %d (%s)", folder, len(others), kinds
        )


def _problem(given: str, text: str) -> Picture:
    return Picture(given, Path(Path(given).name), problem=text)


def _identity(picture: Picture) -> str:
    return picture.source if picture.data is not None else os.path.realpath(picture.source)


def keep_inputs(pictures: Iterable[Picture], out: Path) -> None:
    """Raise ValueError where ``out``, which is to be written, is one of the inputs."""
    if os.path.realpath(out) in {_identity(picture) for picture in pictures}:
        raise ValueError(f"{out} is an input, and inputs are never overwritten")


def places(
    pictures: Iterable[Picture], out: Path | None = None, films: bool = False
) -> dict[str, Path]:
    """Decide where the annotated copy of every picture goes; nothing is written.

    Without ``out`` that is the working directory. A folder (one that exists, or a name
    without an ending) keeps the layout of the folder that was searched. Two
    pictures never share a place (``a.maskdet.jpg``, ``a-2.maskdet.jpg``), and none takes
    the place of an input. Copies are JPEG, or PNG and WebP if the picture was; MP4 of films.

    Args:
        pictures: as ``expand`` returns them.
        out: a folder, or for one picture the file.
        films: they are films.

    Returns:
        Paths by ``Picture.source``.

    Raises:
        ValueError: ``out`` is a file's name for several pictures, is an input, or has an
            ending that cannot be written.
    """
    todo = [picture for picture in pictures if picture.problem is None]
    taken = {_identity(picture) for picture in todo}
    if out is not None and out.suffix and not out.is_dir():
        endings = film.SUFFIXES if films else images.WRITABLE
        if out.suffix.lower() not in endings:
            raise ValueError(
                f"{out} is no folder that exists, and files end in {', '.join(sorted(endings))}"
            )
        if len(todo) > 1:
            raise ValueError(f"{out} names one file, but there are {len(todo)} inputs")
        keep_inputs(todo, out)
        return {picture.source: out for picture in todo}
    chosen = {}
    for picture in todo:
        inner = picture.inner if out is not None else Path(picture.inner.name)
        if films:
            suffix = ".mp4"
        else:
            suffix = inner.suffix if inner.suffix.lower() in _KEPT_SUFFIXES else ".jpg"
        number = 1
        while True:
            again = "" if number == 1 else f"-{number}"
            place = (out or Path()) / inner.with_name(f"{inner.stem}{again}{images.MARK}{suffix}")
            if os.path.realpath(place) not in taken:
                break
            number += 1
        taken.add(os.path.realpath(place))
        chosen[picture.source] = place
    return chosen
