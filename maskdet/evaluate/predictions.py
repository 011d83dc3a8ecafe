"""Predictions of any program, as JSON Lines like those of ``maskdet detect --json``."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from maskdet import files
from maskdet.classes import BACKGROUND, CLASSES, canonical
from maskdet.errors import InputError
from maskdet.evaluate.truth import Picture
from maskdet.types import Box, Prediction


@dataclass(slots=True)
class Predictions:
    """Detections by the name of the picture, and in words the lines that could not be used.

    ``missing`` are the names of pictures without a line, or with one that says that there was an
    error; nothing is found in them. ``elsewhere`` counts lines of pictures that are not measured.
    """

    faces: dict[str, list[Prediction]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    elsewhere: int = 0
    problems: list[str] = field(default_factory=list)


def load(path: Path, pictures: Sequence[Picture]) -> Predictions:
    """Read the predictions for pictures; the order of the lines does not matter.

    A line names its picture in ``source`` (or ``image``), by a path of which the last parts tell
    the picture from others (``a.jpg``, ``photos/a.jpg`` or ``/home/me/photos/a.jpg``). ``faces``
    holds objects with ``box`` (x1, y1, x2, y2), ``label`` (a class under any name that maskdet
    knows), ``score`` and, where the program has them, ``detector_score`` and ``scores`` by class.
    Only one of ``score`` and ``detector_score`` is needed; the other one is then 1, and a
    detection without ``detector_score`` has ``score`` as such.

    Args:
        path: a text file, an object a line.
        pictures: those that are measured.

    Raises:
        InputError: the file cannot be read, or no line is of one of the pictures.
    """
    names = _Names(pictures)
    result = Predictions()
    failed = set()
    for number, line in enumerate(files.read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("is no object")
            name = names.find(str(record.get("source") or record.get("image") or ""))
            if name is None:
                result.elsewhere += 1
                continue
            if name in result.faces or name in failed:
                raise ValueError(f"is a second one for {name}: only the first one counts")
            if record.get("error"):
                failed.add(name)
            else:
                faces = [_face(face) for face in record["faces"]]
                result.faces[name] = [face for face in faces if face is not None]
        except KeyError as error:
            result.problems.append(f"{path}: line {number} has no {error}")
        except (ValueError, TypeError, AttributeError) as error:
            result.problems.append(f"{path}: line {number}: {error}")
    if not result.faces:
        first = f". First problem: {result.problems[0]}" if result.problems else ""
        raise InputError(f"{path} has no predictions for any of these pictures{first}")
    result.missing = [item.name for item in pictures if item.name not in result.faces]
    return result


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
    box = Box(*map(float, record["box"]))
    if not all(map(math.isfinite, box.to_list())):
        raise ValueError(f"the box {box.to_list()} has a number that is not finite")
    if not (box.x1 < box.x2 and box.y1 < box.y2):
        raise ValueError(f"the box {box.to_list()} is empty or turned round")
    given = [record.get(key) for key in ("detector_score", "score")]
    if given == [None, None]:
        raise KeyError("score")
    sure, score = (1.0 if value is None else _probability(value) for value in given)
    if given[0] is None:
        sure, score = score, 1.0
    scores = {
        name: _probability(value)
        for key, value in (record.get("scores") or {}).items()
        if (name := canonical(key)) in CLASSES
    }
    return Prediction(box, sure, label, score, scores)


def _probability(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1 or math.isnan(number):
        raise ValueError(f"{number} is no probability")
    return number
