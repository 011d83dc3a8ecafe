from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from maskdet.errors import InputError
from maskdet.evaluate import predictions
from maskdet.evaluate.truth import Picture

FACE: dict[str, Any] = {"box": [1, 2, 11, 12], "label": "no mask", "score": 0.9}


def pictures(tmp_path: Path, *names: str) -> list[Picture]:
    return [Picture(tmp_path / name, name, ()) for name in names]


def lines(tmp_path: Path, *records: Any) -> Path:
    path = tmp_path / "predictions.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    return path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("./x/b.jpg", "x/b.jpg"),
        ("x\\b.jpg", "x/b.jpg"),
        ("/elsewhere/photos/x/b.jpg", "x/b.jpg"),
        ("b.jpg", "x/b.jpg"),
        ("x/c.jpg", "x/c.jpg"),
        ("c.jpg", "c.jpg"),
        ("/elsewhere/c.jpg", "c.jpg"),
        ("z/b.jpg", None),
        ("nowhere.jpg", None),
        ("", None),
    ],
)
def test_a_picture_is_found_by_its_path(tmp_path: Path, source: str, name: str | None) -> None:
    known = pictures(tmp_path, "a.jpg", "x/b.jpg", "x/c.jpg", "c.jpg", "first.jpg")
    first = {"source": "first.jpg", "faces": []}
    found = predictions.load(lines(tmp_path, first, {"source": source, "faces": []}), known)
    assert not found.problems
    assert set(found.faces) == {"first.jpg"} | ({name} if name else set())
    assert found.elsewhere == (name is None)


def test_a_name_that_may_be_several_pictures_is_none(tmp_path: Path) -> None:
    known = pictures(tmp_path, "x/a.jpg", "y/a.jpg")
    found = predictions.load(
        lines(tmp_path, {"image": "a.jpg", "faces": []}, {"image": "y/a.jpg", "faces": [FACE]}),
        known,
    )
    assert list(found.faces) == ["y/a.jpg"]
    assert found.missing == ["x/a.jpg"]
    (problem,) = found.problems
    assert "line 1: a.jpg may be any of x/a.jpg, y/a.jpg" in problem


def test_the_second_line_for_a_picture_does_not_count(tmp_path: Path) -> None:
    path = lines(tmp_path, {"image": "a.jpg", "faces": [FACE]}, {"image": "a.jpg", "faces": []})
    found = predictions.load(path, pictures(tmp_path, "a.jpg"))
    assert len(found.faces["a.jpg"]) == 1
    assert "line 2: a second one for a.jpg" in found.problems[0]


def test_an_error_is_a_picture_without_predictions(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        {"image": "a.jpg", "faces": [], "error": "broken"},
        {"image": "b.jpg", "faces": []},
    )
    found = predictions.load(path, pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg"))
    assert found.missing == ["a.jpg", "c.jpg"]
    assert not found.problems


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (FACE, (0.9, "without_mask", 1.0, {})),
        ({**FACE, "detector_score": 0.5}, (0.5, "without_mask", 0.9, {})),
        (
            {"box": [1, 2, 11, 12], "label": "Mask", "detector_score": 0.5},
            (0.5, "with_mask", 1.0, {}),
        ),
        (
            {**FACE, "scores": {"mask": 0.1, "no_mask": 0.9, "other": 0}},
            (0.9, "without_mask", 1.0, {"with_mask": 0.1, "without_mask": 0.9}),
        ),
    ],
)
def test_what_other_programs_say(tmp_path: Path, face: dict[str, Any], expected: object) -> None:
    path = lines(tmp_path, {"image": "a.jpg", "faces": [face]})
    (found,) = predictions.load(path, pictures(tmp_path, "a.jpg")).faces["a.jpg"]
    assert (found.detector_score, found.label, found.score, found.scores) == expected
    assert found.box.to_list() == [1, 2, 11, 12]


def test_background_is_no_face(tmp_path: Path) -> None:
    path = lines(tmp_path, {"image": "a.jpg", "faces": [{**FACE, "label": "background"}]})
    assert predictions.load(path, pictures(tmp_path, "a.jpg")).faces == {"a.jpg": []}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: no JSON (Expecting property name enclosed in double quotes, column 2)"),
        ([], "line 2: the line is [], no object"),
        ({"image": "a.jpg"}, "line 2 has no 'faces'"),
        ({"image": "a.jpg", "faces": 3}, "line 2: faces is 3, no list"),
        ({"image": "a.jpg", "faces": None}, "line 2: faces is null, no list"),
        ({"image": "a.jpg", "faces": [[1, 2, 3, 4]]}, "line 2: a face is [1, 2, 3, 4], no object"),
        ({"image": "a.jpg", "faces": [{**FACE, "label": "hat"}]}, "unknown class 'hat'"),
        ({"image": "a.jpg", "faces": [{**FACE, "box": [5, 2, 1, 9]}]}, "empty or turned round"),
        ({"image": "a.jpg", "faces": [{**FACE, "box": [5, 2]}]}, "[5, 2] is not x1, y1, x2, y2"),
        ({"image": "a.jpg", "faces": [{**FACE, "box": None}]}, "null is not x1, y1, x2, y2"),
        ({"image": "a.jpg", "faces": [{**FACE, "box": [1, 2, 9, 10**999]}]}, "is not x1, y1, x2"),
        *(
            ({"image": "a.jpg", "faces": [{**FACE, "box": [1, 2, 9, bad]}]}, "is not finite")
            for bad in (math.inf, math.nan, "Infinity")
        ),
        ({"image": "a.jpg", "faces": [{**FACE, "score": 3}]}, "line 2: 3 is no probability"),
        ({"image": "a.jpg", "faces": [{**FACE, "score": "x"}]}, 'line 2: "x" is no probability'),
        ({"image": "a.jpg", "faces": [{**FACE, "score": [1]}]}, "line 2: [1] is no probability"),
        ({"image": "a.jpg", "faces": [{**FACE, "scores": [1]}]}, "scores is [1], no object"),
        ({"image": "a.jpg", "faces": [{**FACE, "score": None}]}, "line 2 has no 'score'"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: Any, problem: str) -> None:
    path = lines(tmp_path, {"image": "b.jpg", "faces": []}, line)
    found = predictions.load(path, pictures(tmp_path, "a.jpg", "b.jpg"))
    assert problem in found.problems[0]
    assert list(found.faces) == ["b.jpg"]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"image": "z.jpg", "faces": []}, "no predictions for any of these pictures"),
        ([{"image": "a.jpg", "faces": []}], "is a JSON array: one object a line is wanted"),
        ("[\n  {}\n]", "is a JSON array: one object a line is wanted"),
    ],
)
def test_nothing_that_fits_is_an_error(tmp_path: Path, record: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        predictions.load(lines(tmp_path, record), pictures(tmp_path, "a.jpg"))


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ((0.3, 0.9), True),
        ((0.06, 0.9), False),  # it was asked for all, and has nothing that is less sure
        ((1, 1), False),  # it gives no scores
        ((), False),
    ],
)
def test_a_curve_that_ends_early_is_told(
    tmp_path: Path, scores: tuple[float, ...], told: bool
) -> None:
    faces = [{**FACE, "score": score} for score in scores]
    path = lines(tmp_path, {"image": "a.jpg", "faces": faces})
    notes = predictions.load(path, pictures(tmp_path, "a.jpg")).notes()
    assert ["no prediction has a score under 0.3" in note for note in notes] == [True] * told


def test_standard_input_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = pictures(tmp_path, "a.jpg")
    for text, problem in (
        (b"\xff", "stdin is no text in UTF-8"),
        (b"3", "stdin: line 1: the line"),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        with pytest.raises(InputError, match=problem):
            predictions.load(predictions.STDIN, known)
