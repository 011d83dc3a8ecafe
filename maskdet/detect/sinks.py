"""Where results go: JSON Lines, CSV, crops, annotated pictures."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TextIO

import cv2

from maskdet import images
from maskdet.detect import draw
from maskdet.errors import OutputError
from maskdet.faces.crop import crop_faces, square_around
from maskdet.files import make_folder, places
from maskdet.images import Bgr
from maskdet.types import ImageResult


class Sink(Protocol):
    """Takes one result after the other."""

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Take a picture and what was found in it.

        Args:
            image: uint8, shape (height, width, 3), BGR, not to be changed; None where it
                could not be read (``result.error`` says why).
            result: what was found.

        Raises:
            OutputError: it cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish what was begun, also after an interruption; another call does nothing."""
        ...


class JsonLines:
    """Writes a JSON object a line, see ``ImageResult.to_dict``; the stream stays open."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        # ASCII alone: a file's name may hold bytes that no other encoding can express.
        self._stream.write(json.dumps(result.to_dict()) + "\n")
        # Flushed, so that whoever reads a stream's results gets each when it is there.
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: the stream belongs to the caller."""


class Csv:
    """Writes a row a face.

    Rows go, each at once, to a file beside; ``close`` gives it its name, also when the run
    was interrupted, as that is how a camera's usually ends. If not even one result came, an
    earlier table stays. A run that is killed leaves its rows in
    ``.<name>.<process>.part``. A device or pipe gets the rows themselves.

    Args:
        path: of the table; its folder is made.

    Raises:
        OutputError: the file cannot be written.
    """

    COLUMNS = (
        *("source", "frame", "time_s", "width", "height", "face", "label", "score"),
        *("detector_score", "x1", "y1", "x2", "y2"),
    )

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place, self._beside = places(path)
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder")
        make_folder(path.parent)
        try:
            self._file = self._beside.open(
                "w",
                encoding="utf-8",
                errors="surrogateescape",  # a file's name may hold any bytes
                newline="",
                buffering=1,
            )
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
        self._rows = csv.writer(self._file)
        self._rows.writerow(self.COLUMNS)
        self._used = False

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        self._used = True
        record = result.to_dict()
        start = [record[name] for name in self.COLUMNS[:5]]
        try:
            for number, face in enumerate(record["faces"]):
                row = [number, face["label"], face["score"], face["detector_score"], *face["box"]]
                self._rows.writerow(start + row)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.close()
            if self._place == self._beside:
                return
            if self._used:
                self._beside.replace(self._place)
            else:
                self._beside.unlink()
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error


class Crops:
    """Saves every face, cut as the classifier sees it but in full resolution.

    A crop is named ``<label>/<source>-<digest>-<face>.jpg``, with the frame's number before
    the face's in a film: ``source`` is the file's name without ending, the digest tells two
    files of one name apart, or two pictures of a camera or of stdin, ``face`` is the place in the
    result's list of faces.

    Args:
        folder: is made where it does not exist.
        margin: as in ``faces.crop.crop_faces``; the pipeline's.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path, margin: float) -> None:
        self._folder = make_folder(folder)
        self._margin = margin

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        if image is None or not result.faces:
            return
        path = Path(result.source)
        shown = b"" if path.is_file() else image.tobytes()
        digest = hashlib.sha256(os.fsencode(path.absolute()) + shown).hexdigest()[:6]
        frame = "" if result.frame is None else f"-{result.frame:06d}"
        stem = Path(result.image).stem.strip("-") or "picture"
        for number, face in enumerate(result.faces):
            side = int(square_around(face.box, self._margin).width)
            crop = crop_faces(image, [face.box], side, self._margin)[0]
            images.write(
                make_folder(self._folder / face.label) / f"{stem}-{digest}{frame}-{number}.jpg",
                cv2.cvtColor(crop, cv2.COLOR_RGB2BGR),
                quality=95,
            )

    def close(self) -> None:
        """Do nothing: every crop is whole once it is written."""


class AnnotatedImages:
    """Writes every picture that could be read with its boxes and labels.

    Args:
        places: by ``ImageResult.source``, where its picture goes, see ``sources.places``;
            folders are made where they do not exist.
        blur: hide the faces.

    Raises:
        OutputError: a folder cannot be made.
    """

    def __init__(self, places: Mapping[str, Path], blur: bool = False) -> None:
        self.written: list[Path] = []
        self._places = places
        self._blur = blur
        for folder in {place.parent for place in places.values()}:
            make_folder(folder)

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        if image is None:
            return
        target = self._places[result.source]
        images.write(target, draw.annotate(image, result, self._blur))
        self.written.append(target)

    def close(self) -> None:
        """Do nothing: every picture is whole once it is written."""
