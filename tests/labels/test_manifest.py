from __future__ import annotations

from pathlib import Path

import pytest

from maskdet.errors import InputError
from maskdet.labels.manifest import Manifest, part


@pytest.mark.parametrize("prefix", ["", "set/"])
def test_columns_and_rows_of_others_are_kept(tmp_path: Path, prefix: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    path = root / "manifest.csv"
    path.write_text(f'file,licence\n{prefix}a.jpg,"CC0, mostly"\ngone.jpg,x\n')
    manifest = Manifest(root)
    manifest.set("a.jpg", {"split": "test"})
    manifest.set("b/ü.jpg", {"split": "train"})
    manifest.write()
    assert path.read_text() == (
        f'file,licence,split\n{prefix}a.jpg,"CC0, mostly",test\ngone.jpg,x,\nb/ü.jpg,,train\n'
    )
    assert Manifest(root).get("a.jpg")["split"] == "test"


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert Manifest(tmp_path).rows == []
    assert Manifest(tmp_path).get("a.jpg") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [("picture\na.jpg\n", "no column 'file'"), ("file,group\na.jpg,b,c\n", "line 2 has more")],
)
def test_what_is_no_manifest(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        Manifest(tmp_path)


def test_the_parts_and_what_others_call_them() -> None:
    assert [part(word) for word in ("Train", "valid", "validation", "test", "spare")] == [
        *("train", "val", "val", "test"),
        None,
    ]
