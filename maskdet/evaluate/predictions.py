"""Predictions of any program, as JSON Lines like those of ``maskdet detect --json``."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from textwrap import shorten
from typing import Any

from maskdet import files
from maskdet.classes import BACKGROUND, CLASSES, canonical
from maskdet.errors import InputError
from maskdet.evaluate.truth import Picture
from maskdet.labels.ap import LEAST_SCORE
from maskdet.types import Box, Prediction

STDIN = Path("-")
"""The file that stands for standard input."""


@dataclass(slots=True)
class Predictions:
    """Detections by the name of the picture, and in words the lines that could not be used.

    ``file`` is what they were read from. ``missing`` are the names of pictures without a line, or
    with one that says that there was an error; nothing is found in them. ``elsewhere`` counts lines
    of pictures that are not measured.
    """

    file: str = ""
    faces: dict[str, list[Prediction]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    elsewhere: int = 0
    problems: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Say in words what there is to know of the figures that come from these predictions."""
        notes = []
        if self.missing:
            notes.append(
                f"pictures without predictions: {len(self.missing)}, first {self.missing[0]}; "
                "their faces count as not found"
            )
        if self.elsewhere:
            notes.append(f"lines of pictures that are not measured: {self.elsewhere}")
        scores = [face.detector_score for faces in self.faces.values() for face in faces]
        # Of a program that gives none, all scores are alike.
        if scores and 2 * LEAST_SCORE < min(scores) < max(scores):
            notes.append(
                f"no prediction has a score under {min(scores):.3g}, where the curve ends: average "
                f"precision is a lower bound beside programs that were asked down to {LEAST_SCORE} "
                f"(maskdet: 'maskdet detect --min-score {LEAST_SCORE} --json', then 'maskdet "
                "evaluate --min-score' with the working threshold)"
            )
        return notes


def load(path: Path, pictures: Sequence[Picture]) -> Predictions:
    """Read the predictions for pictures; the order of the lines does not matter.

    A line names its picture in ``source`` (or ``image``), by a path of which the last parts tell
    the picture from others (``a.jpg``, ``photos/a.jpg`` or ``/home/me/photos/a.jpg``). ``faces``
    holds objects with ``box`` (x1, y1, x2, y2), ``label`` (a class under any name that maskdet
    knows), ``score`` and, where the program has them, ``detector_score`` and ``scores`` by class.
    Only one of ``score`` and ``detector_score`` is needed; the other one is then 1, and a
    detection without ``detector_score`` has ``score`` as such.

    Args:
        path: a text file, an object a line; ``STDIN`` for standard input.
        pictures: those that are measured.

    Raises:
        InputError: the file cannot be read, or no line is of one of the pictures.
    """
    names = _Names(pictures)
    result = Predictions("stdin" if path == STDIN else path.name)
    shown = result.file if path == STDIN else path
    failed = set()
    text = _read(path)
    if text.lstrip().startswith("["):
        raise InputError(
            f"{shown} is a JSON array: one object a line is wanted (JSON Lines), as 'maskdet "
            "detect --json' prints them"
        )
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = _object(json.loads(line), "the line")
            name = names.find(str(record.get("source") or record.get("image") or ""))
            if name is None:
                result.elsewhere += 1
                continue
            if name in result.faces or name in failed:
                raise ValueError(f"a second one for {name}: only the first one counts")
            if record.get("error"):
                failed.add(name)
            else:
                if not isinstance(record["faces"], list):
                    raise ValueError(f"faces is {_short(record['faces'])}, no list")
                faces = [_face(_object(face, "a face")) for face in record["faces"]]
                result.faces[name] = [face for face in faces if face is not None]
        except KeyError as error:
            result.problems.append(f"{shown}: line {number} has no {error}")
        except json.JSONDecodeError as error:
            wrong = f"no JSON ({error.msg}, column {error.colno})"
            result.problems.append(f"{shown}: line {number}: {wrong}; one object a line is wanted")
        except ValueError as error:
            result.problems.append(f"{shown}: line {number}: {error}")
    if not result.faces:
        first = f". First problem: {result.problems[0]}" if result.problems else ""
        raise InputError(f"{shown} has no predictions for any of these pictures{first}")
    result.missing = [item.name for item in pictures if item.name not in result.faces]
    return result


def _read(path: Path) -> str:
    if path != STDIN:
        return files.read_text(path)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"stdin is no text in UTF-8: {error}") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {_short(value)}, no object")
    return value


def _short(value: Any) -> str:
    return shorten(json.dumps(value), 60, placeholder=" ...")


class _Names:
    """Finds a picture by as many last parts of its path as a line gives."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._by_last: dict[str, list[Picture]] = defaultdict(list)
        for picture in pictures:
            self._by_last[picture.path.name].append(picture)

    def find(self, source: str) -> str | None:
        """Return a picture's name, None if there is none; ValueError if it may be several."""
        parts = PurePath(source.replace("\\", "/")).parts
        shared = {}
        for picture in self._by_last.get(parts[-1], []) if parts else []:
            own = PurePath(picture.name).parts
            if own == parts:
                return picture.name
            common = _common(parts, picture.path.absolute().parts)
            # A path from another place has to have in it all that is below the data's folder.
            if common == len(parts) or common >= len(own):
                shared[picture.name] = common
        best = sorted(name for name in shared if shared[name] == max(shared.values()))
        if len(best) > 1:
            raise ValueError(f"{source} may be any of {', '.join(best)}")
        return best[0] if best else None


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many last parts two paths have in common."""
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _face(record: Mapping[str, Any]) -> Prediction | None:
    """Return a detection, None for one that is said to be background."""
    label = canonical(str(record["label"]))
    if label is None:
        raise ValueError(f"unknown class {record['label']!r}")
    if label == BACKGROUND:
        return None
    box = _box(record["box"])
    given = [record.get(key) for key in ("detector_score", "score")]
    if given == [None, None]:
        raise KeyError("score")
    sure, score = (1.0 if value is None else _probability(value) for value in given)
    if given[0] is None:
        sure, score = score, 1.0
    scores = {
        name: _probability(value)
        for key, value in _object(record.get("scores") or {}, "scores").items()
        if (name := canonical(key)) in CLASSES
    }
    return Prediction(box, sure, label, score, scores)


def _box(given: Any) -> Box:
    try:
        x1, y1, x2, y2 = map(float, given)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the box {_short(given)} is not x1, y1, x2, y2 in pixels") from error
    box = Box(x1, y1, x2, y2)
    if not all(map(math.isfinite, box.to_list())):
        raise ValueError(f"the box {box.to_list()} has a number that is not finite")
    if not (box.x1 < box.x2 and box.y1 < box.y2):
        raise ValueError(
            f"the box {box.to_list()} is empty or turned round: x1, y1, x2, y2 are wanted"
        )
    return box


def _probability(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{_short(value)} is no probability")
    return number
