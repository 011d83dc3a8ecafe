"""``dedup`` as a whole: which pictures, which ledger, and where to what is set aside goes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet import images
from maskdet.catalog import Catalog, find_root, store
from maskdet.dedup.aside import Done, undo
from maskdet.dedup.find import Found, Options, find, find_leaks
from maskdet.errors import InputError, OutputError
from maskdet.layout import folder_class
from maskdet.progress import SILENT, Progress

ASIDE = "duplicates"
"""The folder of a data set that holds what was set aside."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run works on.

    Attributes:
        folders: are searched for pictures.
        root: of the ledger; all folders lie in it.
        ledger: its file's name.
        aside: where pictures are set aside; never searched.
    """

    folders: tuple[Path, ...]
    root: Path
    ledger: str
    aside: Path

    def open(self) -> Catalog:
        """Open the ledger, see ``Catalog``."""
        return Catalog(self.root, self.ledger)

    def open_to_look(self) -> contextlib.AbstractContextManager[Catalog | None]:
        """Open the ledger, or None where it cannot be written: hashes are then not kept."""
        try:
            return self.open()
        except OutputError:
            return contextlib.nullcontext()


def scope(folders: Sequence[Path], data: Path, aside: Path | None = None) -> Scope:
    """Decide what a run works on.

    Folders of a data set use its ledger, and its folder ``duplicates``. Bare folders have a
    hidden ledger in the one, or the innermost one that holds them all, and what is set aside
    goes into a folder beside that one, its name ending in ``-duplicates``.

    Args:
        folders: to search; none: ``raw`` of the data set.
        data: the data set's root.
        aside: where pictures are set aside, if not there.

    Raises:
        InputError: a folder is missing, they have no folder in common, or only some are of a
            data set.
    """
    chosen = [_absolute(folder) for folder in folders] or [_absolute(data / "raw")]
    for folder in chosen:
        if not folder.is_dir():
            hint = "" if folders else ": name a folder, or the data set with --data"
            raise InputError(f"there is no folder {folder}{hint}")
    roots = {find_root(folder) for folder in chosen} if folders else {_absolute(data)}
    if len(roots) > 1:
        raise InputError(
            f"not all of {', '.join(map(str, chosen))} belong to the same data set: say maskdet "
            "dedup for each, or compare with --against"
        )
    root = roots.pop()
    if root is not None:
        place = aside or root / ASIDE
        return Scope(tuple(chosen), root, store.FILE, _absolute(place))
    root = Path(os.path.commonpath(chosen))
    if root == root.parent:
        raise InputError(f"{chosen[0]} and {chosen[-1]} have no folder in common: give one alone")
    place = aside or root.with_name(f"{root.name}-{ASIDE}")
    return Scope(tuple(chosen), root, store.HIDDEN, _absolute(place))


def look(
    scope: Scope,
    options: Options,
    against: Path | None = None,
    cache: Catalog | None = None,
    progress: Progress = SILENT,
) -> Found:
    """Find the copies among the pictures of a scope; no picture is touched.

    Links are left out: they are no copies; so is what the ledger says was set aside before.

    Args:
        scope: which pictures.
        options: what counts as a copy.
        against: find the pictures that this folder has a copy of, instead.
        cache: the scope's ledger, which remembers hashes and features.
        progress: makes the bars.

    Raises:
        InputError: there is no picture, or ``against`` is no folder.
        OutputError: the ledger cannot be written.
    """
    problems: list[str] = []
    gone = _gone(cache)
    paths = [path for path in _pictures(scope.folders, scope.aside, problems) if path not in gone]
    if not paths and not problems:
        raise InputError(f"there is no picture in {', '.join(map(str, scope.folders))}")
    if against is None:
        # Not the names of folders above: they are the same for all.
        above = scope.root if scope.ledger == store.FILE else scope.root.parent
        labels = [folder_class(Path(path).relative_to(above)) for path in paths]
        found = find(paths, labels, options, cache, progress)
    else:
        if not against.is_dir():
            raise InputError(f"there is no folder {against}")
        others = _pictures([_absolute(against)], scope.aside, problems)
        found = find_leaks(paths, others, options, cache, progress)
    found.problems[:0] = problems
    return found


def put_back(scope: Scope, progress: Progress = SILENT) -> Done:
    """Put back everything that was set aside, see ``aside.undo``.

    A ledger that the folders had before they came to lie in a data set counts, too; none is
    created.

    Raises:
        InputError: another process is setting aside.
        OutputError: the ledger cannot be written.
    """
    done = Done()
    common = Path(os.path.commonpath(scope.folders))
    for root, file in dict.fromkeys([(scope.root, scope.ledger), (common, store.HIDDEN)]):
        if (root / file).is_file():
            with Catalog(root, file) as catalog:
                undone = undo(catalog, progress)
            done.moved += undone.moved
            done.problems += undone.problems
    return done


def _pictures(folders: Sequence[Path], aside: Path, problems: list[str]) -> list[str]:
    found: dict[str, str] = {}
    real = functools.cache(os.path.realpath)
    for folder in folders:
        for path in images.find(folder, lambda error: problems.append(str(error))):
            if not path.is_symlink() and not path.is_relative_to(aside):
                # By way of a link to a folder, a file may be found twice: that is no copy.
                found.setdefault(f"{real(path.parent)}/{path.name}", str(path))
    return list(found.values())


def _gone(ledger: Catalog | None) -> set[str]:
    """Return where the files are that were set aside: that may be another place than now."""
    if ledger is None:
        return set()
    rows = ledger.read("SELECT moved_to FROM aside WHERE undone = 0 AND moved_to IS NOT NULL")
    return {os.path.normpath(ledger.absolute(row["moved_to"])) for row in rows}


def _absolute(path: Path) -> Path:
    # Not resolve(): a link to a folder is a fine name for it.
    return Path(os.path.abspath(path))  # noqa: PTH100
