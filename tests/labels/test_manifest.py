from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from maskdet.errors import InputError
from maskdet.labels.manifest import Manifest, part, refuse_part


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
    manifest.remove(["a.jpg"])
    manifest.set("a.jpg", {"split": "val"})
    assert manifest.get("a.jpg") == {"file": "a.jpg", "split": "val"}


@pytest.mark.parametrize("first", ["x.jpg", "set/x.jpg"])
def test_a_folder_below_may_have_the_name_of_the_root(tmp_path: Path, first: str) -> None:
    root = tmp_path / "set"
    names = sorted({"x.jpg", "set/x.jpg"}, key=lambda name: name != first)
    manifest = Manifest(root)
    for name in names:
        manifest.set(name, {"split": name})
    (root / "set").mkdir(parents=True)
    manifest.write()
    manifest = Manifest(root)
    assert [manifest.get(name)["split"] for name in names] == names
    manifest.remove([first])
    assert manifest.get(names[1])["split"] == names[1]
    assert [row["file"] for row in manifest.rows] == names[1:]


def test_a_row_is_no_row_of_its_namesake(tmp_path: Path) -> None:
    (tmp_path / "set/set").mkdir(parents=True)
    (tmp_path / "set/set/x.jpg").touch()
    (tmp_path / "set/manifest.csv").write_text("file,split\nset/x.jpg,test\n")
    manifest = Manifest(tmp_path / "set")
    assert manifest.get("x.jpg") == {}
    manifest.set("x.jpg", {"split": "train"})
    assert manifest.get("set/x.jpg")["split"] == "test"


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert Manifest(tmp_path).rows == []
    assert Manifest(tmp_path).get("a.jpg") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture\na.jpg\n", "no column 'file'"),
        ("file,group\na.jpg,b,c\n", "line 2 has more"),
        ("file,group\na.jpg," + "b" * 200_000, "line 2: field larger"),
    ],
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


@pytest.mark.parametrize(
    ("manifest", "refused"),
    [
        ("file,group\nset/with_mask/a.jpg,7\n", True),
        ("file,group,split\nwith_mask/a.jpg,,test\n", True),
        ("file,licence\nset/with_mask/a.jpg,CC0\n", False),
        ("file,group\nset/other/a.jpg,7\nset/with_mask/gone.jpg,7\n", False),
        ("somebody's,table\nx,7\n", False),
    ],
)
@pytest.mark.parametrize("above", [".", "set"])
def test_a_part_of_what_a_manifest_knows_is_refused(
    tmp_path: Path, manifest: str, refused: bool, above: str
) -> None:
    folder = tmp_path / "set" / "with_mask"
    folder.mkdir(parents=True)
    (folder / "a.jpg").touch()
    if above == "." and refused:
        manifest = manifest.replace("\nwith_mask", "\nset/with_mask")
    (tmp_path / above / "manifest.csv").write_text(manifest)
    with pytest.raises(InputError, match="name its folder") if refused else nullcontext():
        refuse_part(folder)
    (folder / "manifest.csv").write_text("file,group\na.jpg,8\n")
    refuse_part(folder)
