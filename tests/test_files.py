from __future__ import annotations

import os
from pathlib import Path

import pytest

from maskdet import files
from maskdet.errors import InputError, OutputError
from maskdet.files import make_folder, write_bytes


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"first, and longer")
    write_bytes(str(path), b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"cannot write .*a: No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    for data in (b"new", b"newer"):
        write_bytes(tmp_path / "link", data)
        assert (tmp_path / "a").read_bytes() == data
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a", tmp_path / "link"]
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_bytes(pipe, b"through")
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("name", ["missing/a", "file/a", "x" * 300, "folder"])
def test_what_cannot_be_written_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(tmp_path / name, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("\N{CJK UNIFIED IDEOGRAPH-8138}" * 83 + ".x.jpg")
    assert len(os.fsencode(path.name)) == 255
    write_bytes(path, b"1")
    files.copy(path, tmp_path / path.name.replace(".x.", ".y."))
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"1"] * 2


def test_folders_are_made_where_they_are_missing(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == folder
    assert make_folder(str(folder)) == folder
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["file", "file/a/b"])
def test_a_file_in_the_way_of_a_folder_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot create the folder"):
        make_folder(tmp_path / name)


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_replaces_what_is_there_and_only_that(tmp_path: Path, link: bool) -> None:
    source, other, target = (tmp_path / name for name in ("source", "other", "target"))
    for path in (source, other, target):
        path.write_text(path.name)
    files.places(target)[1].hardlink_to(other)  # as a killed run leaves it
    files.copy(source, target, link)
    assert target.read_text() == "source"
    assert target.samefile(source) is link
    assert other.read_text() == "other"
    files.copy(target, target, link)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "source", "target"]


def test_a_copy_says_which_side_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        files.copy(tmp_path / "none", tmp_path / "target")
    (tmp_path / "source").write_text("x")
    with pytest.raises(OutputError, match="cannot copy"):
        files.copy(tmp_path / "source", tmp_path / "none" / "target")


def test_text_with_and_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf\xc3\xbc")
    assert files.read_text(tmp_path / "a") == "ü"
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(InputError, match="no text in UTF-8"):
        files.read_text(tmp_path / "a")


def test_names_from_a_folder_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert files.name_from("set/../set/link/a.jpg", tmp_path) == "set/link/a.jpg"
    assert files.name_from("link/a.jpg", ".") == "link/a.jpg"
    assert files.name_from("a.jpg", "set") == (tmp_path / "a.jpg").as_posix()


@pytest.mark.parametrize(
    ("path", "root", "inner"),
    [
        ("data/raw/a.jpg", "link", "raw/a.jpg"),
        ("link/raw/a.jpg", "data", "raw/a.jpg"),
        ("link/raw/new/a.jpg", "data/raw", "new/a.jpg"),
        ("link", "data", None),  # what a link points to is another file
        ("data/out/a.jpg", "data", "out/a.jpg"),
        ("link/out/a.jpg", "link", "out/a.jpg"),
        ("outside/a.jpg", "data", None),
        ("outside/in.jpg", "link", None),
        ("data/../outside", "data", None),
        ("data", "link", "."),
        ("loop/a.jpg", "link", None),
    ],
)
def test_a_root_may_be_named_by_way_of_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, root: str, inner: str | None
) -> None:
    for folder in ("data/raw", "outside"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/raw/a.jpg").touch()
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "data/out").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/in.jpg").symlink_to(tmp_path / "data/raw/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert files.within(path, root) == (inner and Path(inner))
