from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maskdet.catalog import Catalog, exists, find_root, now, store
from maskdet.catalog.schema import MIGRATIONS
from maskdet.errors import InputError, OutputError

FORGET = "INSERT INTO forgotten VALUES ('domain', ?, ?)"


def forgotten(catalog: Catalog) -> list[str]:
    return [row["value"] for row in catalog.read("SELECT value FROM forgotten ORDER BY value")]


def test_a_new_catalog_has_the_schema_and_the_pragmas(tmp_path: Path) -> None:
    with Catalog(tmp_path / "data") as catalog:
        (version,) = catalog.read("PRAGMA user_version")[0]
        (journal,) = catalog.read("PRAGMA journal_mode")[0]
        (keys,) = catalog.read("PRAGMA foreign_keys")[0]
    assert (version, journal, keys) == (len(MIGRATIONS), "wal", 1)
    assert exists(tmp_path / "data")


def test_what_is_written_is_there_the_next_time(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog, catalog.write() as connection:
        connection.execute(FORGET, ("example.org", now()))
    with Catalog(tmp_path) as catalog:
        assert forgotten(catalog) == ["example.org"]


def test_a_full_disk_is_told_though_the_transaction_is_gone(tmp_path: Path) -> None:
    def fill(catalog: Catalog) -> None:
        with catalog.write() as connection:
            connection.execute("ROLLBACK")  # as SQLite does then
            raise sqlite3.OperationalError("database or disk is full")

    with Catalog(tmp_path) as catalog, pytest.raises(OutputError, match="disk is full"):
        fill(catalog)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write_and_fail(catalog: Catalog) -> None:
        with catalog.write() as connection:
            connection.execute(FORGET, ("example.org", now()))
            raise ZeroDivisionError

    with Catalog(tmp_path) as catalog:
        with pytest.raises(ZeroDivisionError):
            write_and_fail(catalog)
        assert forgotten(catalog) == []


def test_a_killed_process_loses_nothing_that_it_wrote(tmp_path: Path) -> None:
    code = f"""
import os, signal
from maskdet.catalog import Catalog
catalog = Catalog({str(tmp_path)!r})
with catalog.write() as connection:
    connection.execute({FORGET!r}, ("whole", "now"))
with catalog.write() as connection:
    connection.execute({FORGET!r}, ("half", "now"))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with Catalog(tmp_path) as catalog:
        assert forgotten(catalog) == ["whole"]


def test_many_threads_may_write(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with catalog.write() as connection:
            connection.execute(FORGET, (f"{number:03}", now()))

    with Catalog(tmp_path) as catalog, ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(100)))
        assert forgotten(catalog) == [f"{number:03}" for number in range(100)]


def test_an_older_catalog_is_brought_up_to_date(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / store.FILE) as connection:
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1")
        connection.execute(FORGET, ("example.org", now()))
    for _ in range(2):
        with Catalog(tmp_path) as catalog:
            assert forgotten(catalog) == ["example.org"]
            assert catalog.read("SELECT first_sha256 FROM images") == []
            assert tuple(*catalog.read("PRAGMA user_version")) == (len(MIGRATIONS),)


def test_a_newer_catalog_is_refused(tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    with sqlite3.connect(tmp_path / store.FILE) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(InputError, match="newer maskdet"):
        Catalog(tmp_path)


def test_a_file_that_is_no_catalog_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / store.FILE).write_text("no database at all" * 10)
    with pytest.raises(InputError, match="is not a catalog"):
        Catalog(tmp_path)
    assert (tmp_path / store.FILE).read_text().startswith("no database")


def test_a_root_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(OutputError, match="data"):
        Catalog(tmp_path / "data")


@pytest.mark.parametrize(
    ("writable", "reason"), [(True, "unable to open"), (False, "its folder must be writable")]
)
def test_a_catalog_that_cannot_be_opened_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool, reason: str
) -> None:
    (tmp_path / store.FILE).mkdir()
    # Of root, everything is writable but a read-only disk.
    monkeypatch.setattr(os, "access", lambda path, mode: writable)
    with pytest.raises(OutputError, match=reason):
        Catalog(tmp_path)


def test_paths_are_relative_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Catalog("data") as catalog:
        assert catalog.relative("data/raw/a.jpg") == "raw/a.jpg"
        assert catalog.relative(tmp_path / "data/raw/../b.jpg") == "b.jpg"
        assert catalog.absolute("raw/a.jpg") == Path("data/raw/a.jpg")
        with pytest.raises(InputError, match="does not lie in data"):
            catalog.relative(tmp_path / "elsewhere.jpg")


def test_the_root_is_found_from_below(tmp_path: Path) -> None:
    Catalog(tmp_path / "data").close()
    assert find_root(tmp_path / "data/raw/with_mask/a.jpg") == tmp_path / "data"
    assert find_root(tmp_path) is None
