from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.dedup import report
from maskdet.dedup.find import Found
from maskdet.dedup.match import Match
from maskdet.images import Bgr


@pytest.fixture
def found(tmp_path: Path, astronaut: Bgr) -> Found:
    for name in ("a.png", "b<i>.png", "c.png"):
        images.write(tmp_path / name, astronaut[:, :300])
    a, b, c = (str(tmp_path / name) for name in ("a.png", "b<i>.png", "c.png"))
    return Found(
        4,
        2,
        [Match(b, a, "crop", "more pixels", 3, 0.91, 0.8)],
        [Match(c, a, "exact", "no difference", 0)],
        ["d.png is broken: & how"],
    )


def test_the_page_shows_each_group_and_needs_no_other_file(found: Found, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    report.write(found, path)
    page = path.read_text(encoding="utf-8")
    assert "4 pictures, 1 duplicates, 1 conflicts, 1 problems" in page
    assert page.count('<div class="group">') == 2
    assert re.findall(r'<figure class="(\w+)"', page) == ["stays", "conflict", "stays", "goes"]
    assert "stays: more pixels" in page
    assert "goes: crop: similarity 0.91, 80 % of the framing in common" in page
    assert "conflict: the same bytes" in page
    assert f"1 problems, below {tmp_path}<" in page
    assert "<small>b&lt;i&gt;.png<br>300 × 512, " in page
    assert "d.png is broken: &amp; how" in page
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 4
    for source in sources:
        kind, data = source.split(",")
        assert kind == "data:image/jpeg;base64"
        assert max(images.read(b64decode(data)).shape) == 160
    assert "http" not in page


def test_of_very_many_copies_the_rest_is_counted(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MOST_COPIES", 0)
    report.write(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<p>1 more are not shown.</p>") == 2


def test_a_picture_may_be_thin(tmp_path: Path) -> None:
    line = tmp_path / "line.png"
    images.write(line, np.zeros((2, 1000, 3), np.uint8))
    found = Found(2, 1, [Match(str(line), str(line), "exact", "no difference", 0)])
    report.write(found, tmp_path / "report.html")
    assert "1000 × 2" in (tmp_path / "report.html").read_text()


def test_a_picture_that_has_gone_is_said_to_be(found: Found, tmp_path: Path) -> None:
    Path(found.duplicates[0].path).unlink()
    report.write(found, tmp_path / "report.html")
    assert "b&lt;i&gt;.png: No such file" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_of_very_many_groups_the_rest_is_counted(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MOST_GROUPS", 0)
    report.write(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<p>1 more groups are not shown.</p>") == 2
