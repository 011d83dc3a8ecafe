from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskdet import images
from maskdet.errors import InputError, OutputError
from maskdet.images import Bgr
from maskdet.labels import dataset, leaks, voc
from maskdet.labels.convert import convert
from maskdet.labels.crop import crop
from maskdet.labels.manifest import Manifest
from maskdet.labels.partition import partition
from maskdet.labels.voc import VocObject
from maskdet.types import Box

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
CLASSES = ("with_mask", "without_mask")


def pixels(seed: int) -> Bgr:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(small, (80, 80), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Class folders of 12 pictures each, no two alike, and an empty and a crowded photograph."""
    folder = tmp_path / "set"
    for row, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            images.write(folder / label / f"{number}.png", pixels(100 * row + number))
    for name, boxes in (("empty", 0), ("crowd", 3)):
        images.write(folder / f"{name}.png", pixels(len(name) * 1000))
        faces = [VocObject(k, "with_mask", Box(20 * k, 0, 20 * k + 10, 10)) for k in range(boxes)]
        voc.write(folder / f"{name}.xml", f"{name}.png", 80, 80, faces)
    return folder


def parts(root: Path) -> dict[str, str]:
    return {row["file"]: row["split"] for row in Manifest(root).rows}


def test_every_picture_has_a_part_and_nothing_is_moved(root: Path) -> None:
    before = images.find(root)
    result = partition([root], FRACTIONS)
    assert images.find(root) == before
    assert set(parts(root)) == {path.relative_to(root).as_posix() for path in before}
    assert {name: count["pictures"] for name, count in result.table.items()} == {
        "train": 16,
        "val": 5,
        "test": 5,
    }
    assert sum(count["with_mask"] for count in result.table.values()) == 15
    assert (result.new, result.moved, result.problems, result.lacking) == (26, 0, [], [])
    assert {sample.split for sample in dataset.load([root]).samples} == set(FRACTIONS)


def test_the_seed_decides_and_a_second_run_changes_nothing(root: Path) -> None:
    partition([root], FRACTIONS, seed=1)
    first = parts(root)
    result = partition([root], {"train": 0.2, "val": 0.4, "test": 0.4}, seed=2)
    assert parts(root) == first
    assert (result.new, result.moved) == (0, 0)
    assert partition([root], FRACTIONS, seed=2, anew=True).moved > 0
    partition([root], FRACTIONS, seed=1, anew=True)
    assert parts(root) == first


def test_groups_and_near_duplicates_and_mirrored_ones_stay_together(root: Path) -> None:
    copy = images.read(root / "with_mask/0.png")
    images.write(root / "with_mask/near.jpg", copy, quality=60)
    images.write(root / "without_mask/mirrored.png", copy[:, ::-1])
    manifest = Manifest(root)
    for number in range(1, 5):
        manifest.set(f"with_mask/{number}.png", {"group": "same person", "licence": "CC0"})
    manifest.write()
    partition([root], FRACTIONS)
    found = parts(root)
    assert found["with_mask/0.png"] == found["with_mask/near.jpg"]
    assert found["with_mask/0.png"] == found["without_mask/mirrored.png"]
    assert len({found[f"with_mask/{number}.png"] for number in range(1, 5)}) == 1
    assert Manifest(root).get("with_mask/1.png")["licence"] == "CC0"
    assert leaks.check([root]).leaks == []


def test_pictures_that_come_later_join_what_they_are_like(root: Path) -> None:
    partition([root], FRACTIONS)
    first = parts(root)
    tested = next(name for name, part in first.items() if part == "test" and "/" in name)
    trained = next(name for name, part in first.items() if part == "train" and "/" in name)
    images.write(root / "with_mask/of_test.jpg", images.read(root / tested))
    images.write(root / "with_mask/new.png", pixels(999))
    result = partition([root], FRACTIONS)
    assert {**parts(root), **first} == parts(root)
    assert parts(root)["with_mask/of_test.jpg"] == "test"
    assert (result.new, result.moved) == (2, 0)

    manifest = Manifest(root)
    for name in (tested, trained):
        manifest.set(name, {"group": "turned out to be one person"})
    manifest.write()
    assert partition([root], FRACTIONS).moved == 1
    assert parts(root)[trained] == parts(root)[tested] == "test"


def test_a_broken_picture_is_told_and_has_a_part_all_the_same(root: Path) -> None:
    path = root / "with_mask/0.png"
    path.write_bytes(path.read_bytes()[:100])
    result = partition([root], FRACTIONS)
    assert len(result.problems) == 1
    assert "0.png" in result.problems[0]
    assert parts(root)["with_mask/0.png"] in FRACTIONS


def test_a_class_that_does_not_suffice_is_told(root: Path) -> None:
    (root / "incorrect").mkdir()
    for number in range(2):
        images.write(root / "incorrect" / f"{number}.png", pixels(500 + number))
    assert partition([root], FRACTIONS).lacking == [("mask_worn_incorrectly", "test")]


def test_fewer_pictures_than_parts(root: Path, tmp_path: Path) -> None:
    one = tmp_path / "one" / "with_mask"
    one.mkdir(parents=True)
    shutil.copy(root / "with_mask" / "0.png", one)
    result = partition([one.parent], FRACTIONS, out=tmp_path / "out")
    assert {name: count["with_mask"] for name, count in result.table.items()} == {"train": 1}
    assert result.lacking == [("with_mask", "val"), ("with_mask", "test")]
    assert [path.name for path in images.find(tmp_path / "out" / "train")] == ["0.png"]


def test_the_parts_can_be_laid_out_for_others(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    partition([root], FRACTIONS, out=out, link=True)
    found = {path.relative_to(out).as_posix() for path in images.find(out)}
    assert found == {f"{part}/{name}" for name, part in parts(root).items()}
    for name, part in parts(root).items():
        assert (out / part / name).samefile(root / name)
    assert len(list(out.rglob("*.xml"))) == 2
    before, after = (
        sorted((s.label, str(s.box), s.split) for s in data.samples)
        for data in (dataset.load([root]), dataset.load([out / part for part in FRACTIONS]))
    )
    assert after == before
    with pytest.raises(OutputError, match="is there already"):
        partition([root], FRACTIONS, out=out)


def test_parts_among_the_pictures_are_refused(root: Path, tmp_path: Path) -> None:
    for out in (root / "parts", root / "../set/parts"):
        with pytest.raises(InputError, match="lies in"):
            partition([tmp_path / "other", root], FRACTIONS, out=out)
    assert not (root / "manifest.csv").exists()


def test_several_folders_are_one_set(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "no mask"
    other.mkdir(parents=True)
    images.write(other / "0.png", images.read(root / "with_mask/0.png"))
    images.write(other / "1.png", pixels(700))
    partition([root, other.parent], FRACTIONS, out=tmp_path / "out")
    assert parts(other.parent)["no mask/0.png"] == parts(root)["with_mask/0.png"]
    laid = [path for path in images.find(tmp_path / "out") if path.parent.name == "other"]
    assert {path.parent.parent.name for path in laid} == {"without_mask"}
    assert len(laid) == 2


@pytest.mark.parametrize("picture", ["crowd.png", "empty.png"])
def test_what_was_cut_out_of_a_photograph_stays_with_it(
    root: Path, tmp_path: Path, picture: str
) -> None:
    crops = tmp_path / "crops"
    (crops / "with_mask").mkdir(parents=True)
    images.write(crops / "with_mask/a.png", pixels(700))
    manifest = Manifest(crops)
    manifest.set("with_mask/a.png", {"group": f"set/{picture}", "split": "test"})
    manifest.write()
    partition([root, crops], FRACTIONS)
    assert parts(root)[picture] == "test"
    manifest.set("with_mask/a.png", {"split": "train"})
    manifest.write()
    assert [leak.detail for leak in leaks.check([root, crops]).leaks] == [f"set/{picture}"]


@pytest.mark.parametrize("elsewhere", ["label", "convert", "label, long ago"])
def test_faces_that_lie_elsewhere_stay_with_their_photograph(
    root: Path, tmp_path: Path, elsewhere: str
) -> None:
    faces = tmp_path / "other/faces"
    if elsewhere == "convert":
        convert(root, faces, "crops", kind="voc")
    else:
        crop(root, faces, tmp_path / "data")
    if "ago" in elsewhere:
        old = Manifest(faces)
        for row in old.rows:
            row["group"] = row["picture"]
        old.write()
        crop(root, faces, tmp_path / "data")
    for folder, part in ((root, "test"), (faces, "train")):
        manifest = Manifest(folder)
        for path in images.find(folder):
            manifest.set(path.relative_to(folder).as_posix(), {"split": part})
        manifest.write()
    (leak,) = leaks.check([root, faces]).leaks
    assert (leak.kind, leak.detail) == ("same group", "set/crowd.png")
    partition([root, faces], FRACTIONS)
    assert set(parts(faces).values()) == {"test"}


def test_two_folders_of_one_name_do_not_leak(tmp_path: Path) -> None:
    folders = [tmp_path / name / "set" for name in "ab"]
    for number, folder in enumerate(folders):
        (folder / "with_mask").mkdir(parents=True)
        images.write(folder / "with_mask/1.png", pixels(number))
    assert leaks.check(folders).leaks == []


def test_what_leaks_is_listed(root: Path) -> None:
    copy = images.read(root / "with_mask/0.png")
    (root / "with_mask/same.png").write_bytes((root / "with_mask/0.png").read_bytes())
    images.write(root / "with_mask/near.jpg", copy, quality=60)
    images.write(root / "with_mask/mirrored.png", copy[:, ::-1])
    manifest = Manifest(root)
    for path in images.find(root):
        manifest.set(path.relative_to(root).as_posix(), {"split": "train"})
    for name in ("same.png", "near.jpg", "mirrored.png", "5.png"):
        manifest.set(f"with_mask/{name}", {"split": "test"})
    for name in ("with_mask/5.png", "without_mask/5.png"):
        manifest.set(name, {"group": "7"})
    manifest.write()
    found = leaks.check([root]).leaks
    kinds = {
        (leak.kind, next(path.name for path in leak.paths if path.name != "0.png"))
        for leak in found
    }
    assert kinds == {
        ("same bytes", "same.png"),
        ("near-duplicate", "near.jpg"),
        ("near-duplicate", "mirrored.png"),
        ("same group", "5.png"),
    }
    assert next(leak.detail for leak in found if "mirrored.png" in str(leak.paths)).endswith(
        "mirrored"
    )
    assert all(set(leak.parts) == {"train", "test"} for leak in found)


@pytest.mark.parametrize("whole", [True, False])
def test_folders_of_parts_are_checked(root: Path, tmp_path: Path, whole: bool) -> None:
    out = tmp_path / "out"
    partition([root], FRACTIONS, out=out)
    for path in out.rglob("manifest.csv"):
        path.unlink()
    folders = [out] if whole else [out / "train", out / "val", out / "test"]
    assert leaks.check(folders).leaks == []
    first = images.find(out / "test" / "with_mask")[0]
    (out / "train" / "with_mask" / "copy.png").write_bytes(first.read_bytes())
    checked = leaks.check(folders)
    assert [(leak.kind, leak.parts) for leak in checked.leaks] == [
        ("same bytes", ("train", "test"))
    ]
    assert list(checked.table) == ["train", "val", "test"]


def test_nothing_to_check(root: Path) -> None:
    with pytest.raises(InputError, match="there is only one part in"):
        leaks.check([root])


def test_a_picture_without_a_part_is_told(root: Path) -> None:
    partition([root], FRACTIONS)
    images.write(root / "with_mask/new.png", pixels(999))
    (problem,) = leaks.check([root]).problems
    assert "1 pictures are in no part, first with_mask/new.png" in problem


@pytest.mark.parametrize("moved", [False, True])
def test_a_face_that_is_labelled_anew_stays_in_its_part(
    root: Path, tmp_path: Path, moved: bool
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (root / "crowd.png").rename(raw / "crowd.png")
    (root / "crowd.xml").unlink()
    face = VocObject(0, "with_mask", Box(20, 20, 60, 60))
    voc.write(raw / "crowd.xml", "crowd.png", 80, 80, [face])
    crop(raw, root)
    manifest = Manifest(root)
    manifest.set("with_mask/crowd_0.jpg", {"split": "test"})
    manifest.write()
    place = raw / "without_mask" if moved else raw
    place.mkdir(exist_ok=True)
    (raw / "crowd.png").rename(place / "crowd.png")
    (raw / "crowd.xml").unlink()
    voc.write(place / "crowd.xml", "crowd.png", 80, 80, [replace(face, label="without_mask")])
    crop(raw, root)
    assert not (root / "with_mask/crowd_0.jpg").exists()
    assert Manifest(root).get("without_mask/crowd_0.jpg")["split"] == "test"
