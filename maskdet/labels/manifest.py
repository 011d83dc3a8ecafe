"""``manifest.csv``: what a folder knows of its pictures beyond their labels."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from maskdet import lock
from maskdet.errors import InputError
from maskdet.files import write_bytes

FILE = "manifest.csv"
LOCK = f".{FILE}-lock"

TRAIN, VAL, TEST = "train", "val", "test"
PARTS = (TRAIN, VAL, TEST)
"""What the column ``split`` may say, the order of every table."""

_PART_NAMES = {
    **{name: name for name in PARTS},
    "training": TRAIN,
    "valid": VAL,
    "validation": VAL,
    "dev": VAL,
    "testing": TEST,
}


def part(name: str) -> str | None:
    """Return which of ``PARTS`` a word means (``valid`` is ``val``), None if it means none."""
    return _PART_NAMES.get(name.strip().lower())


def refuse_part(root: Path) -> None:
    """Raise InputError where only a manifest further up knows the pictures of a folder.

    Their groups and parts would be lost, and what is made of them trained on and tested on.
    """
    here = root.resolve()
    if (here / FILE).is_file():
        return
    for above in here.parents:
        try:
            rows = Manifest(above).rows
        except InputError:
            continue  # somebody else's
        files = {row["file"] for row in rows if row.get("group") or row.get("split")}
        places = (folder / file for file in files for folder in (above, above.parent))
        if any(place.is_relative_to(here) and place.is_file() for place in places):
            raise InputError(
                f"{above / FILE} has the groups and the split of the pictures in {root}: name its "
                f"folder, {above}"
            )


@contextlib.contextmanager
def alone(*roots: Path) -> Iterator[None]:
    """Let no other command change the manifests of folders inside.

    What changes one is to read it inside, too: it would else write back what was there before
    another command. Only to read one, nobody needs this.

    Raises:
        InputError: another command is at it.
        OutputError: a folder is not there, or cannot be written.
    """
    with contextlib.ExitStack() as stack:
        for place, root in {root.resolve(): root for root in roots}.items():
            busy = f"another maskdet command is at work in {root}: wait until it is done"
            stack.enter_context(lock.alone(place / LOCK, busy))
        yield


class Manifest:
    """The rows of one folder's ``manifest.csv``; without that file, none.

    A row's column ``file`` is the path of a picture, with ``/``, below the folder or below
    the folder's parent; where it is both, below the folder. Pictures are looked up by their path
    below the folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Read the manifest of the folder ``root``.

        Raises:
            InputError: it cannot be read, has no column ``file`` or a row with too many fields.
        """
        self.path = Path(root) / FILE
        self._root = Path(root).resolve()
        self.columns: list[str] = ["file"]
        self.rows: list[dict[str, str]] = []
        self._places: defaultdict[Path, list[dict[str, str]]] = defaultdict(list)
        if self.path.is_file():
            self._read()
        self._given = frozenset(self._places)  # what is added is below the root

    def _read(self) -> None:
        try:
            with self.path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
                lines = csv.reader(file)
                self.columns = next(lines, ["file"])
                for values in lines:
                    if len(values) > len(self.columns):
                        raise InputError(
                            f"{self.path}: line {lines.line_num} has more fields than the header"
                        )
                    if values:
                        values += [""] * (len(self.columns) - len(values))
                        self._add(dict(zip(self.columns, values, strict=True)))
        except csv.Error as error:
            line = lines.line_num
            raise InputError(f"cannot read {self.path}: line {line}: {error}") from error
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error}") from error
        if "file" not in self.columns:
            raise InputError(f"{self.path} has no column 'file'")

    def _add(self, row: dict[str, str]) -> None:
        self.rows.append(row)
        if row.get("file"):
            self._places[self._root / row["file"]].append(row)

    def _place(self, name: str) -> Path:
        """Return where ``_places`` has the rows of a picture, if it has any."""
        # Not the target of a link: the manifest names what lies here.
        place = self._root / name
        # Below the parent, the same name is that of another picture in a folder of the root's name.
        other = self._root / self._root.name / name
        if place in self._places or other not in self._places or other not in self._given:
            return place
        return place if other.exists() else other

    def get(self, name: str) -> Mapping[str, str]:
        """Return the row of the picture at ``name`` below the folder; empty if there is none."""
        rows = self._places.get(self._place(name))
        return rows[-1] if rows else {}

    def set(self, name: str, values: Mapping[str, str]) -> None:
        """Change a picture's row, adding the row and columns that are not there yet."""
        self.columns += [column for column in values if column not in self.columns]
        place = self._place(name)
        if place not in self._places:
            self._add({"file": PurePosixPath(name).as_posix()})
        for row in self._places[place]:
            row.update(values)

    def remove(self, names: Iterable[str]) -> None:
        """Drop the rows of pictures, as far as there are any."""
        gone = {id(row) for name in names for row in self._places.pop(self._place(name), [])}
        self.rows = [row for row in self.rows if id(row) not in gone]

    def write(self) -> None:
        """Write the file, whole or not at all; rows and columns keep their order.

        Raises:
            OutputError: it cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        # A name may hold bytes that are no UTF-8.
        write_bytes(self.path, text.getvalue().encode(errors="surrogateescape"))
