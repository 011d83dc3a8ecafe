from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.catalog import Catalog, store
from maskdet.dedup.aside import set_aside
from maskdet.dedup.match import Match
from maskdet.errors import InputError
from maskdet.labels.dataset import load
from maskdet.types import Box


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Class folders, a photograph with boxes, and things that cannot be used."""
    grey = np.full((40, 60, 3), 128, np.uint8)
    folder = tmp_path / "set"
    for name in ("with_mask/a.jpg", "no mask/b.png", "scenes/c.jpg", "scenes/d.jpg", "e.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(folder / name, grey)
    (folder / "scenes/c.xml").write_text(
        "<annotation><object><name>mask</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
        "<ymax>20</ymax></bndbox></object><object><name>cat</name></object></annotation>"
    )
    (folder / "scenes/d.xml").write_text("<annotation>")
    return folder


def test_class_folders_and_voc_files_together(root: Path) -> None:
    data = load([root])
    found = {sample.name: (sample.label, sample.box) for sample in data.samples}
    assert found == {
        "set/with_mask/a.jpg": ("with_mask", None),
        "set/no mask/b.png": ("without_mask", None),
        "set/scenes/c.jpg": ("with_mask", Box(1, 2, 30, 20)),
    }
    assert sorted(problem.split(": ")[0].rsplit("/", 1)[1] for problem in data.problems) == [
        "c.xml",
        "d.xml is not readable XML",
        "e.jpg",
    ]


def test_a_class_folder_itself_can_be_the_root(root: Path) -> None:
    assert [sample.label for sample in load([root / "with_mask"]).samples] == ["with_mask"]


def test_boxes_belong_to_one_picture_alone(root: Path) -> None:
    for name in ("scenes/c.png", "with_mask/a.png"):
        images.write(root / name, np.zeros((40, 60, 3), np.uint8))
    data = load([root])
    names = {sample.name for sample in data.samples}
    assert "set/scenes/c.png" not in names
    # A face as a whole shares nothing with its namesake.
    assert {"set/scenes/c.jpg", "set/with_mask/a.jpg", "set/with_mask/a.png"} < names
    assert [p for p in data.problems if "c.png would share its VOC file with c.jpg" in p]


@pytest.mark.parametrize("prefix", ["", "set/"])
def test_a_manifest_gives_groups(root: Path, prefix: str) -> None:
    (root / "manifest.csv").write_text(f"file,group,kind\n{prefix}with_mask/a.jpg,7,photo\n")
    groups = {sample.name: sample.group for sample in load([root]).samples}
    assert groups["set/with_mask/a.jpg"] == "7"
    assert groups["set/scenes/c.jpg"] == "set/scenes/c.jpg"
    assert "set/with_mask/a.jpg" not in {s.name for s in load([root], ["kind=photo"]).samples}


@pytest.mark.parametrize("pattern", ["a.jpg", "set/with_mask/*", "a.*"])
def test_patterns_exclude(root: Path, pattern: str) -> None:
    names = {sample.name for sample in load([root], [pattern]).samples}
    assert names == {"set/no mask/b.png", "set/scenes/c.jpg"}


@pytest.mark.parametrize("name", ["a [8].jpg", "[!a].jpg"])
@pytest.mark.parametrize("folder", ["", "set/with_mask/"])
def test_a_name_that_looks_like_a_pattern_excludes_itself(
    root: Path, name: str, folder: str
) -> None:
    (root / "with_mask/a.jpg").rename(root / "with_mask" / name)
    names = {sample.name for sample in load([root], [folder + name]).samples}
    assert f"set/with_mask/{name}" not in names


@pytest.mark.parametrize(("pattern", "left"), [("c.jpg#0", 1), ("*/c.jpg#[12]", 1), ("c.jpg#1", 2)])
def test_a_pattern_excludes_a_single_box(root: Path, pattern: str, left: int) -> None:
    box = (
        "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>{}</xmax>"
        "<ymax>20</ymax></bndbox></object>"
    )
    boxes = box.format("mask", 30), box.format("cat", 35), box.format("no mask", 40)
    (root / "scenes/c.xml").write_text(f"<annotation>{''.join(boxes)}</annotation>")
    found = [sample for sample in load([root], [pattern]).samples if sample.box]
    # It is still no background: what looks at photographs must know of it.
    assert [sample.index for sample in found] == [0, 2]
    assert sum(not sample.difficult for sample in found) == left


def test_what_shows_an_excluded_box_is_left_out_with_it(root: Path) -> None:
    (root / "manifest.csv").write_text(
        "file,picture,object\nwith_mask/a.jpg,scenes/c.jpg,0 2\nno mask/b.png,scenes/c.jpg,1\n"
    )
    names = {sample.name for sample in load([root], ["c.jpg#2"]).samples}
    assert names == {"set/no mask/b.png", "set/scenes/c.jpg"}
    assert len(load([root], ["d.jpg#2", "c.jpg#7"]).samples) == 3


def test_nothing_labelled(tmp_path: Path) -> None:
    images.write(tmp_path / "x.jpg", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="no labelled face"):
        load([tmp_path])


def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        load([tmp_path / "none"])


def test_a_manifest_without_files(root: Path) -> None:
    (root / "manifest.csv").write_text("picture,group\na,1\n")
    with pytest.raises(InputError, match="no column 'file'"):
        load([root])


def test_an_empty_class_folder_is_refused(root: Path) -> None:
    (root / "mask_worn_incorrectly").mkdir()
    with pytest.raises(InputError, match="holds no picture"):
        load([root])


def test_a_manifest_that_names_nothing_here_is_refused(root: Path) -> None:
    (root / "manifest.csv").write_text("file,group\nelsewhere\\with_mask\\a.jpg,7\n")
    with pytest.raises(InputError, match=r"no row of .* names a picture"):
        load([root])


def test_rows_of_a_manifest_that_name_nothing_are_reported(root: Path) -> None:
    (root / "manifest.csv").write_text("file,group\nwith_mask/a.jpg,7\nwith_mask/z.jpg,7\n")
    assert any("1 rows name no picture, first with_mask/z.jpg" in p for p in load([root]).problems)


@pytest.mark.parametrize(("folder", "file"), [(".", store.FILE), ("set", store.HIDDEN)])
@pytest.mark.parametrize("prefix", ["", "set/"])
@pytest.mark.parametrize("action", ["move", "delete"])
def test_rows_of_what_dedup_has_set_aside_are_not_reported(
    root: Path, tmp_path: Path, folder: str, file: str, prefix: str, action: str
) -> None:
    rows = ("with_mask/a.jpg", "no mask/b.png", "with_mask/z.jpg")
    (root / "manifest.csv").write_text("\n".join(["file", *(prefix + row for row in rows)]))
    gone, kept = (str(root / "with_mask" / name) for name in ("a.jpg", "k.jpg"))
    shutil.copy(gone, kept)
    match = Match(gone, kept, "near", "larger", 1)
    with Catalog(tmp_path / folder, file) as catalog:
        assert set_aside(catalog, [match], action, tmp_path / "duplicates").problems == []
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "set").symlink_to(root)
    for place in (root, tmp_path / "links" / "set"):
        (problem,) = (problem for problem in load([place]).problems if "manifest" in problem)
        assert f"1 rows name no picture, first {prefix}with_mask/z.jpg" in problem


def test_groups_hold_for_linked_pictures(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jpg"
    (root / "with_mask/a.jpg").rename(elsewhere)
    (root / "with_mask/a.jpg").symlink_to(elsewhere)
    (root / "manifest.csv").write_text("file,group\nwith_mask/a.jpg,7\n")
    assert "7" in {sample.group for sample in load([root]).samples}
