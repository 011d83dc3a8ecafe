"""Phrases: from the package, from a file, and as names of folders."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from maskdet.classes import ALIASES, CLASSES, INCORRECT, KNOWN, WITH_MASK, WITHOUT_MASK
from maskdet.crawl.queries import Query, preset, query, read, slug
from maskdet.errors import InputError
from maskdet.layout import folder_class


@pytest.mark.parametrize("label", CLASSES)
def test_there_are_phrases_for_every_class(label: str) -> None:
    found = preset(label)
    assert len({item.phrase.lower() for item in found}) == len(found) >= 10
    assert {item.label for item in found} == {label}


def test_without_a_class_there_are_all() -> None:
    assert preset() == [item for label in CLASSES for item in preset(label)]


@pytest.mark.parametrize(
    ("phrase", "folder"),
    [
        ("People wearing masks", "people_wearing_masks"),
        ("  a/../b \\ c:d*? ", "a_b_c_d"),
        ("..", "query"),
        ("!!!", "query"),
        ("マスク をした人", "マスク_をした人"),
        ("Straße ÄÖ", "straße_äö"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_phrase_becomes_a_folder(phrase: str, folder: str) -> None:
    assert slug(phrase) == folder
    assert query(phrase).label == folder


@pytest.mark.parametrize("name", [*KNOWN, *ALIASES])
def test_no_phrase_becomes_a_class(name: str) -> None:
    for phrase in (name, name.upper().replace("_", " "), f" {name.replace('_', '-')}!"):
        label = query(phrase).label
        assert label == f"query_{name}"
        assert folder_class(PurePath("raw", label, "a.jpg")) is None
        assert query(phrase, WITH_MASK).label == WITH_MASK


def test_a_class_names_the_folder() -> None:
    assert query(" a   b ", WITH_MASK) == Query("a b", WITH_MASK)


def test_bytes_that_are_no_text_do_not_get_into_a_phrase() -> None:
    assert query("a\udcff b") == Query("a? b", "a_b")


FILE = """\ufeff# before
plain phrase

[mask]
one  phrase
one phrase
  # not this
[mask weared incorrect]
C# developer with a mask
"""


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (
            None,
            [
                Query("plain phrase", "plain_phrase"),
                Query("one phrase", WITH_MASK),
                Query("C# developer with a mask", INCORRECT),
            ],
        ),
        (WITH_MASK, [Query("plain phrase", WITH_MASK), Query("one phrase", WITH_MASK)]),
        (WITHOUT_MASK, [Query("plain phrase", WITHOUT_MASK)]),
    ],
)
def test_a_file_of_phrases(tmp_path: Path, label: str | None, expected: list[Query]) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text(FILE, encoding="utf-8")
    assert read(path, label) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[hats]\nx\n", r"line 1: \[hats\] is none of \[with_mask\], "),
        (b"x\n[mask] # later\n", r"line 2: \[mask\] # later is none of"),
        (b"[mask\n", r"line 1: \[mask is none of"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "none.txt")
