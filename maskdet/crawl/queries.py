"""What to search for: phrases, each with the folder that its pictures go to."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from importlib import resources

from maskdet import files
from maskdet.classes import KNOWN, canonical
from maskdet.errors import InputError

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Query:
    """A phrase, and the folder below ``raw`` for what it finds."""

    phrase: str
    label: str


def query(phrase: str, label: str | None = None) -> Query:
    """Return a query, its folder being named after the class or, without one, the phrase.

    Where the phrase's name would be read as a class (``face_mask``), ``query_`` stands before it:
    what a phrase finds is no label.
    """
    # A command line may hold bytes that are no text.
    words = " ".join(phrase.encode("utf-8", "replace").decode().split())
    name = slug(words)
    return Query(words, label or (f"query_{name}" if canonical(name) else name))


def slug(phrase: str) -> str:
    """Return a phrase as the name of a folder: lower case, ``_`` between its words."""
    plain = unicodedata.normalize("NFKC", phrase).lower()
    return re.sub(r"\W+", "_", plain).strip("_")[:_LONGEST].rstrip("_") or "query"


def preset(label: str | None = None) -> list[Query]:
    """Return the phrases that come with maskdet, of one class or of all."""
    text = resources.files("maskdet.crawl").joinpath("queries.txt").read_text(encoding="utf-8")
    return _parse(text, "the preset", label)


def read(path: str | os.PathLike[str], label: str | None = None) -> list[Query]:
    """Read a file of phrases.

    A line is a phrase; ``[with_mask]`` on a line of its own is the class of those that follow;
    empty lines and those that begin with ``#`` do not count.

    Args:
        path: a text file in UTF-8.
        label: leaves out the phrases of other classes, and is the class of those before the
            first ``[...]``.

    Raises:
        InputError: the file cannot be read, or names an unknown class.
    """
    return _parse(files.read_text(path), os.fspath(path), label)


def _parse(text: str, name: str, label: str | None) -> list[Query]:
    found: dict[Query, None] = {}
    section = None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if words.startswith("["):
            section = canonical(words[1:-1]) if words.endswith("]") else None
            if section is None:
                known = ", ".join(f"[{item}]" for item in KNOWN)
                raise InputError(f"{name}, line {number}: {words} is none of {known}")
        elif label in (None, section) or section is None:
            found[query(words, section or label)] = None
    return list(found)
