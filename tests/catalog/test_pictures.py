from __future__ import annotations

from pathlib import Path

import pytest

from maskdet import files, images
from maskdet.catalog import Catalog, pictures
from maskdet.errors import InputError
from maskdet.images import Bgr


def test_a_file_put_there_by_hand_is_registered_once(tmp_path: Path, astronaut: Bgr) -> None:
    path = tmp_path / "raw/with_mask/a.jpg"
    path.parent.mkdir(parents=True)
    images.write(path, astronaut[:300])
    with Catalog(tmp_path) as catalog:
        first = pictures.register(catalog, path)
        assert pictures.register(catalog, path) == first
        assert (first.path, first.format) == ("raw/with_mask/a.jpg", "JPEG")
        assert (first.width, first.height) == (512, 300)
        assert (first.bytes, first.status) == (path.stat().st_size, "kept")
        assert pictures.by_sha256(catalog, files.sha256(path)) == [first]


def test_a_file_that_was_changed_keeps_its_row(tmp_path: Path, astronaut: Bgr) -> None:
    path = tmp_path / "a.png"
    images.write(path, astronaut)
    with Catalog(tmp_path) as catalog:
        before = pictures.register(catalog, path)
        images.write(path, astronaut[:100])
        after = pictures.register(catalog, path)
    assert (after.id, after.height, after.sha256) == (before.id, 100, files.sha256(path))


@pytest.mark.parametrize("name", ["missing.jpg", "text.jpg"])
def test_what_is_no_picture_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with Catalog(tmp_path) as catalog:
        with pytest.raises(InputError, match=name):
            pictures.register(catalog, tmp_path / name)
        assert catalog.read("SELECT * FROM images") == []
