"""The ledger in numbers and as tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from collected import Collected, collect

from maskdet.catalog import Catalog, export
from maskdet.catalog.summary import Count, summarise
from maskdet.errors import OutputError


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    return collect(tmp_path_factory.mktemp("tables") / "data")


def test_the_summary_counts_everything(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        summary = summarise(catalog)
    # mine.jpg has no face, so no step has looked at it: it is not in the ledger.
    assert summary.pictures == {
        "with_mask": {"kept": 2, "duplicate": 1},
        "without_mask": {"kept": 1},
    }
    assert summary.crops == {"with_mask": 2, "without_mask": 1}
    assert summary.outcomes == {"saved": 4, "same": 1, "not_image": 1}
    assert summary.hosts == [Count("127.0.0.1", 5, 3), Count("127.0.0.2", 1, 1)]
    assert summary.phrases == [
        Count("masks", 5, 3, "with_mask"),
        Count("faces", 1, 1, "without_mask"),
    ]
    assert summary.missing == []
    assert json.loads(json.dumps(summary.to_dict()))["pictures"] == summary.pictures


def test_a_file_that_has_gone_is_missing(tmp_path: Path) -> None:
    collected = collect(tmp_path / "data")
    collected.paths["park"].unlink()
    with Catalog(collected.data) as catalog:
        name = catalog.relative(collected.paths["park"])
        assert summarise(catalog).missing == [name]


def test_an_empty_ledger_has_a_summary(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog:
        assert summarise(catalog).to_dict()["pictures"] == {}
        assert list(export.lines(catalog, "sources", "jsonl")) == []
        (header,) = export.lines(catalog, "crops", "csv")
        assert header.startswith("path,label,object,")


EXPECTED = {"sources": 6, "images": 4, "crops": 3}


@pytest.mark.parametrize("table", export.TABLES)
def test_both_formats_hold_the_same(collected: Collected, tmp_path: Path, table: str) -> None:
    with Catalog(collected.data) as catalog:
        objects = [json.loads(line) for line in export.lines(catalog, table, "jsonl")]
        export.write(catalog, table, "csv", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(objects) == EXPECTED[table]
    for row, item in zip(rows, objects, strict=True):
        assert list(row) == list(item)
        for name, value in item.items():
            plain = (
                json.dumps(value) if name in ("urls", "filters") and value is not None else value
            )
            assert row[name] == ("" if plain is None else str(plain))


def test_a_table_says_where_things_came_from(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        _, tried = export.rows(catalog, "sources")
        _, pictures = export.rows(catalog, "images")
        _, crops = export.rows(catalog, "crops")
        relative = {name: catalog.relative(path) for name, path in collected.paths.items()}
    by_url = {row["url"]: row for row in tried}
    alike = [by_url[collected.urls[name]] for name in ("street", "street_copy")]
    # They are fetched at the same time: either may be the first.
    assert {row["outcome"]: row["path"] for row in alike}["saved"] == relative["street"]
    assert sorted(row["outcome"] for row in alike) == ["same", "saved"]
    assert by_url[collected.urls["html"]]["path"] is None
    by_path = {row["path"]: row for row in pictures}
    assert by_path[relative["street_again"]]["duplicate_of"] == relative["street"]
    assert set(by_path[relative["street"]]["urls"]) == {
        collected.urls["street"],
        collected.urls["street_copy"],
    }
    assert [row["urls"] for row in crops if row["label"] == "without_mask"] == [
        [collected.urls["door"]]
    ]


def test_a_picture_without_an_address_is_in_the_sources(tmp_path: Path) -> None:
    from maskdet.catalog import pictures

    collected = collect(tmp_path / "data")
    with Catalog(collected.data) as catalog:
        mine = pictures.register(catalog, collected.paths["mine"])
        *_, last = export.rows(catalog, "sources")[1]
    assert (last["url"], last["path"], last["sha256"]) == (None, mine.path, mine.sha256)


def test_a_table_that_cannot_be_written_is_an_error(collected: Collected, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Catalog(collected.data) as catalog, pytest.raises(OutputError, match="file"):
        export.write(catalog, "images", "csv", tmp_path / "file/table.csv")
