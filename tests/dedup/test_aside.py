from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.catalog import Catalog, pictures, store
from maskdet.dedup import aside, lock
from maskdet.dedup.match import Match
from maskdet.errors import InputError


class Killed(BaseException):
    """What a killed process does not live to see."""


def contents(root: Path) -> dict[str, bytes]:
    """Return all files below a folder but the ledger."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith((store.FILE, store.HIDDEN))
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set: a.jpg stays; b.jpg, with a VOC file, and c.jpg, the same as a.jpg, go."""
    random = np.random.default_rng(0)
    folder = tmp_path / "data" / "raw" / "with_mask"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        images.write(folder / name, random.integers(0, 256, (20, 30, 3), np.uint8))
    (folder / "c.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "b.xml").write_text("<annotation/>")
    return tmp_path / "data"


@pytest.fixture
def matches(root: Path) -> list[Match]:
    folder = root / "raw" / "with_mask"
    a, b, c = (str(folder / name) for name in ("a.jpg", "b.jpg", "c.jpg"))
    return [
        Match(b, a, "near", "more pixels", 4, 0.97, 1.0),
        Match(c, a, "exact", "no difference", 0),
    ]


@pytest.fixture(params=[store.FILE, store.HIDDEN])
def catalog(root: Path, request: pytest.FixtureRequest) -> Iterator[Catalog]:
    with Catalog(root, request.param) as opened:
        yield opened


def place(catalog: Catalog) -> str:
    """Return where below the folder for duplicates the pictures of the class go."""
    return "with_mask" if catalog.path.name == store.FILE else "raw/with_mask"


def test_what_is_moved_can_be_put_back(root: Path, catalog: Catalog, matches: list[Match]) -> None:
    before = contents(root)
    done = aside.set_aside(catalog, matches, "move", root / "duplicates")
    goes = root / "duplicates" / place(catalog)
    assert done.problems == []
    assert done.moved == [
        (matches[0].path, str(goes / "b.jpg")),
        (matches[1].path, str(goes / "c.jpg")),
    ]
    after = contents(root)
    assert sorted(after.values()) == sorted(before.values())
    assert {Path(name).name for name in after if name.startswith("raw")} == {"a.jpg"}
    assert (goes / "b.xml").read_text() == "<annotation/>"
    undone = aside.undo(catalog)
    assert undone.problems == []
    assert len(undone.moved) == 2
    assert contents(root) == before
    assert aside.undo(catalog).moved == []


def test_the_ledger_knows_what_became_of_a_picture(root: Path, matches: list[Match]) -> None:
    with Catalog(root) as catalog:
        kept = pictures.register(catalog, matches[0].kept)
        aside.set_aside(catalog, matches, "move", root / "duplicates")
        gone = pictures.by_path(catalog, "duplicates/with_mask/b.jpg")
        assert gone is not None
        assert (gone.status, gone.duplicate_of) == ("duplicate", kept.id)
        (first, _) = catalog.read("SELECT * FROM aside ORDER BY id")
        assert first["image_id"] == gone.id
        assert first["path"] == "raw/with_mask/b.jpg"
        assert first["moved_to"] == "duplicates/with_mask/b.jpg"
        assert first["kept"] == "raw/with_mask/a.jpg"
        assert first["reason"] == "near: similarity 0.97, 100 % of the framing in common"
        aside.undo(catalog)
        back = pictures.by_path(catalog, "raw/with_mask/b.jpg")
        assert back is not None
        assert (back.id, back.status, back.duplicate_of) == (gone.id, "kept", None)


def test_a_place_outside_of_the_data_set_will_do(
    root: Path, tmp_path: Path, catalog: Catalog, matches: list[Match]
) -> None:
    before = contents(root)
    aside.set_aside(catalog, matches, "move", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / place(catalog) / "b.xml").is_file()
    assert set(contents(root)) == {"raw/with_mask/a.jpg"}
    aside.undo(catalog)
    assert contents(root) == before


def test_nothing_is_overwritten(root: Path, catalog: Catalog, matches: list[Match]) -> None:
    goes = root / "duplicates" / place(catalog)
    goes.mkdir(parents=True)
    (goes / "b.jpg").write_text("mine")
    (goes / "c.xml").write_text("mine, too")
    done = aside.set_aside(catalog, matches, "move", root / "duplicates")
    assert [Path(str(where)).name for _, where in done.moved] == ["b-2.jpg", "c-2.jpg"]
    assert (goes / "b.jpg").read_text() == "mine"
    assert (goes / "b-2.xml").read_text() == "<annotation/>"
    Path(matches[0].path).write_text("new")
    undone = aside.undo(catalog)
    assert [problem.split(": ")[1] for problem in undone.problems] == [
        f"there is another file at {matches[0].path}"
    ]
    assert Path(matches[0].path).read_text() == "new"
    assert (goes / "b-2.jpg").exists()
    assert Path(matches[1].path).exists()


@pytest.mark.parametrize("action", ["move", "delete"])
def test_what_should_stay_must_be_there(
    root: Path, catalog: Catalog, matches: list[Match], action: str
) -> None:
    Path(matches[0].kept).unlink()
    before = contents(root)
    done = aside.set_aside(catalog, matches, action, root / "duplicates")
    assert done.moved == []
    assert ["is not there any more" in problem for problem in done.problems] == [True, True]
    assert contents(root) == before


@pytest.mark.parametrize("action", ["move", "delete"])
def test_a_file_does_not_go_for_itself(
    root: Path, tmp_path: Path, catalog: Catalog, matches: list[Match], action: str
) -> None:
    (tmp_path / "link").symlink_to(root)
    same = tmp_path / "link" / Path(matches[0].path).relative_to(root)
    before = contents(root)
    done = aside.set_aside(
        catalog, [replace(matches[0], kept=str(same))], action, root / "duplicates"
    )
    (problem,) = done.problems
    assert problem.endswith("which is to stay, is the same file")
    assert contents(root) == before


def test_what_stays_may_lie_outside_of_the_data_set(
    root: Path, tmp_path: Path, catalog: Catalog, matches: list[Match]
) -> None:
    elsewhere = shutil.copy(matches[0].kept, tmp_path / "test.jpg")
    before = contents(root)
    match = replace(matches[0], kept=str(elsewhere))
    done = aside.set_aside(catalog, [match], "move", root / "duplicates")
    assert done.problems == []
    assert not Path(match.path).exists()
    aside.undo(catalog)
    assert contents(root) == before


def test_a_folder_that_nothing_can_leave_stops_nothing(
    root: Path, catalog: Catalog, matches: list[Match]
) -> None:
    before = contents(root)
    stuck = [Path(matches[0].path).with_suffix(".xml"), Path(matches[0].path)]
    unlink = Path.unlink

    def refuse_some(path: Path, missing_ok: bool = False) -> None:
        if path in stuck:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", refuse_some)
        done = aside.set_aside(catalog, matches, "move", root / "duplicates")
        assert [path for path, _ in done.moved] == [matches[1].path]
        (problem,) = done.problems
        assert "Permission denied" in problem
        assert aside.recover(catalog) == []
    aside.undo(catalog)
    assert contents(root) == before


@pytest.mark.parametrize(
    ("bring", "boxes"),
    [(shutil.copy, "<annotation/>"), (shutil.copy, "mine"), (shutil.copy, None), (os.link, "mine")],
)
def test_what_a_person_has_copied_back_stays(
    root: Path,
    catalog: Catalog,
    matches: list[Match],
    bring: Callable[[Path, Path], object],
    boxes: str | None,
) -> None:
    path = Path(matches[0].path)
    aside.set_aside(catalog, matches, "move", root / "duplicates")
    moved = root / "duplicates" / place(catalog) / path.name
    bring(moved, path)
    if boxes:
        path.with_suffix(".xml").write_text(boxes)
    assert aside.recover(catalog) == []
    assert path.exists()
    assert path.with_suffix(".xml").read_text() == (boxes or "<annotation/>")
    assert moved.exists()
    again = aside.set_aside(catalog, matches[:1], "move", root / "duplicates")
    assert [Path(str(to)).name for _, to in again.moved] == ["b-2.jpg"]
    assert aside.undo(catalog).problems == []
    assert path.exists()


def test_two_processes_do_not_set_aside_at_once(
    root: Path, catalog: Catalog, matches: list[Match]
) -> None:
    with lock.alone(catalog):
        for act in (aside.undo, aside.recover):
            with pytest.raises(InputError, match="another maskdet dedup is at work"):
                act(catalog)
        with pytest.raises(InputError, match="another maskdet dedup is at work"):
            aside.set_aside(catalog, matches, "move", root / "duplicates")
    assert len(aside.set_aside(catalog, matches, "move", root / "duplicates").moved) == 2
    assert len(aside.undo(catalog).moved) == 2


def test_what_was_deleted_is_gone_and_undo_says_so(
    root: Path, catalog: Catalog, matches: list[Match]
) -> None:
    done = aside.set_aside(catalog, matches, "delete", root / "duplicates")
    assert done.moved == [(match.path, None) for match in matches]
    assert set(contents(root)) == {"raw/with_mask/a.jpg"}
    assert [problem.split(" was ")[1] for problem in aside.undo(catalog).problems] == [
        "deleted and cannot be put back"
    ] * 2


def test_only_the_same_bytes_are_linked(root: Path, catalog: Catalog, matches: list[Match]) -> None:
    before = contents(root)
    done = aside.set_aside(catalog, matches, "link", root / "duplicates")
    assert done.moved == [(matches[1].path, matches[1].path)]
    assert Path(matches[1].path).samefile(matches[1].kept)
    assert contents(root) == before
    assert aside.set_aside(catalog, matches, "link", root / "duplicates").moved == []
    assert len(aside.undo(catalog).moved) == 1
    assert not Path(matches[1].path).samefile(matches[1].kept)
    assert contents(root) == before


def test_a_voc_file_that_two_pictures_share_stays(
    root: Path, catalog: Catalog, matches: list[Match]
) -> None:
    twin = Path(matches[0].path).with_suffix(".png")
    images.write(twin, np.zeros((9, 9, 3), np.uint8))
    aside.set_aside(catalog, matches, "move", root / "duplicates")
    assert twin.with_suffix(".xml").exists()
    assert not Path(matches[0].path).exists()


def test_another_file_system_takes_copies(
    root: Path, catalog: Catalog, matches: list[Match], monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    before = contents(root)
    assert aside.set_aside(catalog, matches, "move", root / "duplicates").problems == []
    assert sorted(contents(root).values()) == sorted(before.values())
    aside.undo(catalog)
    assert contents(root) == before


def test_what_cannot_be_moved_stays_and_is_told(
    root: Path, catalog: Catalog, matches: list[Match]
) -> None:
    (root / "duplicates").write_text("in the way")
    before = contents(root)
    done = aside.set_aside(catalog, matches, "move", root / "duplicates")
    assert done.moved == []
    assert len(done.problems) == 2
    assert contents(root) == before
    assert aside.undo(catalog).moved == []


def killing(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], int]:
    """Let the process die before the ``step``-th change to a file or to the ledger."""
    count = 0

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return call(*args, **kwargs)

        return wrapped

    for owner, name in (
        (os, "link"),
        (Path, "unlink"),
        (Path, "replace"),
        (Path, "hardlink_to"),
        (shutil, "copy2"),
        (Catalog, "write"),
    ):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))
    return lambda: count


@pytest.mark.parametrize("action", ["move", "link"])
@pytest.mark.parametrize("then", ["undo", "again"])
def test_killed_at_any_moment_nothing_is_lost(
    root: Path, tmp_path: Path, matches: list[Match], action: str, then: str
) -> None:
    before = contents(root)
    survived = step = 0
    while not survived:
        step += 1
        world = tmp_path / f"{step}"
        shutil.copytree(root, world)
        moved = [
            Match(m.path.replace(str(root), str(world)), m.kept.replace(str(root), str(world)),
                  m.kind, m.because, m.distance)
            for m in matches
        ]  # fmt: skip
        for part in (aside_once, undo_once):
            with pytest.MonkeyPatch.context() as patch, Catalog(world) as catalog:
                killing(patch, step)
                try:
                    part(catalog, moved, action, world)
                except Killed:
                    survived = 0
                else:
                    survived += part is aside_once
            assert set(before.values()) <= set(contents(world).values()), step
        with Catalog(world) as catalog:
            if then == "again":
                left = [match for match in moved if Path(match.path).exists()]
                assert aside.set_aside(catalog, left, action, world / "duplicates").problems == []
            assert aside.undo(catalog).problems == []
            assert contents(world) == before
            rows = catalog.read("SELECT status, duplicate_of FROM images")
            assert {tuple(row) for row in rows} <= {("kept", None)}
    assert step > 5


def aside_once(catalog: Catalog, moved: list[Match], action: str, world: Path) -> None:
    aside.set_aside(catalog, moved, action, world / "duplicates")


def undo_once(catalog: Catalog, moved: list[Match], action: str, world: Path) -> None:
    aside.undo(catalog)


def test_the_ledger_is_a_plain_table(root: Path, matches: list[Match]) -> None:
    with Catalog(root) as catalog:
        aside.set_aside(catalog, matches, "move", root / "duplicates")
    with sqlite3.connect(root / store.FILE) as connection:
        assert connection.execute("SELECT count(*) FROM aside WHERE undone = 0").fetchone() == (2,)
