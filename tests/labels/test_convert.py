from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from maskdet import files, images
from maskdet.classes import CLASSES
from maskdet.errors import InputError, OutputError
from maskdet.labels import collect, voc
from maskdet.labels.convert import convert
from maskdet.labels.manifest import Manifest
from maskdet.labels.records import LabelledPicture, Names, picture_name
from maskdet.labels.voc import VocObject
from maskdet.types import Box

FACES = (
    VocObject(0, "with_mask", Box(10, 20, 30, 44)),
    VocObject(1, "mask_worn_incorrectly", Box(0, 0, 61, 47)),
)
HARD = VocObject(2, "without_mask", Box(50, 3, 60, 13), True, True, "Left")


def picture(path: Path, width: int = 61, height: int = 47) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(str(path.name).encode())
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    images.write(path, pixels)
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder with nested pictures of equal stems, one of them empty, one turned by EXIF."""
    root = tmp_path / "photographs"
    for name in ("a.jpg", "b/a.jpg", "b/ü c.png"):
        picture(root / name)
    turned = Image.new("RGB", (47, 61))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(root / "turned.jpg", exif=exif)
    voc.write(root / "a.xml", "a.jpg", 61, 47, (*FACES, HARD))
    voc.write(root / "b/a.xml", "a.jpg", 61, 47, (), proposal=True)
    voc.write(root / "b/ü c.xml", "ü c.png", 61, 47, FACES[:1])
    voc.write(root / "turned.xml", "turned.jpg", 47, 61, FACES[1:])
    manifest = Manifest(root)
    manifest.set("a.jpg", {"group": "7", "split": "train", "licence": "CC0"})
    manifest.set("b/a.jpg", {"group": "8", "split": "test"})
    manifest.write()
    return root


def content(pictures: list[LabelledPicture]) -> list[tuple[object, ...]]:
    return [(p.name, p.width, p.height, p.objects, dict(p.row), p.proposal) for p in pictures]


def test_coco_holds_all_that_voc_does(photographs: Path, tmp_path: Path) -> None:
    there = convert(photographs, tmp_path / "coco", "coco")
    back = convert(tmp_path / "coco", tmp_path / "back", "voc")
    assert not [*there.problems, *there.lost, *back.problems, *back.lost]
    assert (there.pictures, there.empty) == (back.pictures, back.empty) == (4, 1)
    first, last = (
        content(collect.load(root).pictures) for root in (photographs, tmp_path / "back")
    )
    assert len(first) == 4
    assert first == last
    for path in images.find(photographs):
        copy = tmp_path / "back" / path.relative_to(photographs)
        assert files.sha256(copy) == files.sha256(path)


def test_yolo_holds_all_but_marks(photographs: Path, tmp_path: Path) -> None:
    there = convert(photographs, tmp_path / "yolo", "yolo")
    assert there.lost == {
        "marks of difficult faces (the faces are kept)": 1,
        "marks of proposals that nobody has looked at": 1,
        "notes of a pose or a cut-off face": 1,
        "pictures in no part (no list has them)": 2,
    }
    assert (tmp_path / "yolo/labels/b/a.txt").read_text() == ""
    assert (tmp_path / "yolo/test.txt").read_text() == "./images/b/a.jpg\n"
    (tmp_path / "yolo/manifest.csv").unlink()
    convert(tmp_path / "yolo", tmp_path / "back", "voc")
    first, last = (collect.load(root).pictures for root in (photographs, tmp_path / "back"))
    for before, after in zip(first, last, strict=True):
        assert (before.name, before.width) == (after.name, after.width)
        assert [(o.label, o.box) for o in before.objects] == [
            (o.label, o.box) for o in after.objects
        ]
        assert before.row.get("split") == after.row.get("split")


def test_crops_lead_back_to_their_photographs(photographs: Path, tmp_path: Path) -> None:
    there = convert(photographs, tmp_path / "crops", "crops")
    assert there.lost == {"faces marked as difficult": 1, "pictures without a face": 1} | {
        "marks of proposals that nobody has looked at": 1
    }
    assert len(images.find(tmp_path / "crops")) == there.faces.total() == 4
    back = convert(tmp_path / "crops", tmp_path / "back", "voc")
    assert not back.problems
    first, last = (collect.load(root).pictures for root in (photographs, tmp_path / "back"))
    wanted = {p.name: [o for o in p.objects if not o.difficult] for p in first if p.objects}
    assert {p.name: list(p.objects) for p in last} == wanted
    assert {p.name: p.row.get("licence") for p in last}["a.jpg"] == "CC0"


def test_crops_without_photographs_are_pictures_of_one_face(tmp_path: Path) -> None:
    picture(tmp_path / "faces/no mask/a.jpg", 30, 40)
    convert(tmp_path / "faces", tmp_path / "voc", "voc")
    (found,) = collect.load(tmp_path / "voc").pictures
    assert found.objects == (VocObject(0, "without_mask", Box(0, 0, 30, 40)),)


def test_crops_of_photographs_that_are_gone(photographs: Path, tmp_path: Path) -> None:
    convert(photographs, tmp_path / "crops", "crops")
    (photographs / "a.jpg").unlink()
    picture(photographs / "turned.jpg")
    result = convert(tmp_path / "crops", tmp_path / "voc", "voc")
    assert result.lost == {"boxes in pictures that are gone or changed (crops became pictures)": 3}
    assert result.pictures == 4


def test_a_manifest_without_digests_leads_nowhere_else(tmp_path: Path) -> None:
    secret = picture(tmp_path / "secret.jpg")
    picture(tmp_path / "set/faces/mask/a.jpg", 30, 40)
    manifest = Manifest(tmp_path / "set/faces")
    corners = dict(zip(("x1", "y1", "x2", "y2"), "1234", strict=True))
    for place in (str(secret), "../secret.jpg"):
        manifest.set("mask/a.jpg", {"picture": place, **corners})
        manifest.write()
        (found,) = collect.load(tmp_path / "set/faces", "crops").pictures
        assert found.name == "mask/a.jpg"


@pytest.mark.parametrize("kind", ["voc", "yolo", "coco", "crops"])
def test_a_format_is_told_by_its_content(photographs: Path, tmp_path: Path, kind: str) -> None:
    convert(photographs, tmp_path / "set", kind)
    assert collect.detect(tmp_path / "set") == kind


def test_a_folder_of_two_formats_or_of_none(photographs: Path, tmp_path: Path) -> None:
    convert(photographs, photographs / "coco.json", "coco")
    with pytest.raises(InputError, match="could be voc or coco: say which it is with --from"):
        convert(photographs, tmp_path / "x", "yolo")
    assert convert(photographs, tmp_path / "x", "yolo", "voc").pictures == 4
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="is in none of voc, yolo, coco, crops"):
        convert(tmp_path / "none", tmp_path / "y", "voc")


def test_a_coco_file_alone_and_voc_files_beside_its_pictures(photographs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in images.find(photographs)}
    convert(photographs, photographs / "coco.json", "coco")
    document = json.loads((photographs / "coco.json").read_text())
    assert {item["file_name"] for item in document["images"]} >= {"a.jpg", "b/ü c.png"}
    first = content(collect.load(photographs, "voc").pictures)
    for path in photographs.rglob("*.xml"):
        path.unlink()
    convert(photographs, photographs, "voc")
    assert content(collect.load(photographs, "voc").pictures) == first
    assert {path: path.stat().st_mtime_ns for path in images.find(photographs)} == before


@pytest.mark.parametrize(
    ("inside", "to", "refused"),
    [
        ("", "voc", True),
        ("images", "voc", False),
        ("out", "voc", True),
        *(("images/out", kind, True) for kind in ("yolo", "coco", "crops")),
        ("out/coco.json", "coco", False),
    ],
)
def test_no_set_gets_its_pictures_twice(
    photographs: Path, tmp_path: Path, inside: str, to: str, refused: bool
) -> None:
    source = tmp_path / "yolo"
    convert(photographs, source, "yolo")
    before = images.find(source)
    with pytest.raises(OutputError, match="every picture twice") if refused else nullcontext():
        convert(source, source / inside, to)
    assert images.find(source) == before
    assert not refused or not inside.endswith("out") or not (source / inside).exists()


def test_nothing_is_replaced_unasked(photographs: Path, tmp_path: Path) -> None:
    before = (photographs / "a.xml").read_bytes()
    convert(photographs, tmp_path / "yolo", "yolo")
    with pytest.raises(OutputError, match="8 files are there already, first"):
        convert(tmp_path / "yolo", photographs, "voc", overwrite=False)
    assert (photographs / "a.xml").read_bytes() == before
    convert(tmp_path / "yolo", photographs, "voc", overwrite=True)
    assert (photographs / "a.xml").read_bytes() != before


def test_lists_of_parts_are_not_replaced_unasked(photographs: Path, tmp_path: Path) -> None:
    target = tmp_path / "yolo"
    target.mkdir()
    for name in ("val.txt", "test.txt"):
        (target / name).write_text("mine\n")
    with pytest.raises(OutputError, match=r"1 files are there already, first .*test\.txt"):
        convert(photographs, target, "yolo")
    assert (target / "test.txt").read_text() == "mine\n"
    convert(photographs, target, "yolo", overwrite=True)
    assert (target / "test.txt").read_text() == "./images/b/a.jpg\n"
    assert (target / "val.txt").read_text() == "mine\n"  # no picture is in that part


@pytest.mark.parametrize(
    ("splits", "config", "lost"),
    [
        (("train", "val"), {"train": "train.txt", "val": "val.txt"}, 0),
        (("train", "holdout"), {"train": "train.txt"}, 1),
        (("holdout", "holdout"), {"train": "images", "val": "images"}, 0),
        (("test", ""), {"test": "test.txt"}, 1),
    ],
)
def test_pictures_in_no_list_are_counted(
    tmp_path: Path, splits: tuple[str, str], config: dict[str, str], lost: int
) -> None:
    manifest = Manifest(tmp_path / "set")
    for name, split in zip("ab", splits, strict=True):
        voc.write(picture(tmp_path / f"set/{name}.jpg").with_suffix(".xml"), name, 61, 47, ())
        manifest.set(f"{name}.jpg", {"split": split})
    manifest.write()
    result = convert(tmp_path / "set", tmp_path / "yolo", "yolo")
    assert result.lost.total() == lost
    parts = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert parts == {**config, "names": dict(enumerate(CLASSES))}


def test_links_share_their_bytes(photographs: Path, tmp_path: Path) -> None:
    convert(photographs, tmp_path / "yolo", "yolo", link=True)
    assert (tmp_path / "yolo/images/a.jpg").samefile(photographs / "a.jpg")
    convert(photographs, tmp_path / "copied", "yolo")
    assert not (tmp_path / "copied/images/a.jpg").samefile(photographs / "a.jpg")


def test_broken_files_are_listed_and_the_rest_goes_on(photographs: Path, tmp_path: Path) -> None:
    (photographs / "a.xml").write_text("<annotation>")
    (photographs / "turned.jpg").write_bytes(b"no picture")
    (photographs / "lost.xml").write_text("<annotation></annotation>")
    picture(photographs / "unlabelled.jpg")
    result = convert(photographs, tmp_path / "coco", "coco")
    assert result.pictures == 2
    for name in (
        "a.xml is not",
        "turned.jpg is not",
        "lost.xml: its picture",
        "unlabelled.jpg: no",
    ):
        assert any(name in problem for problem in result.problems), name
    assert len(result.problems) == 4


@pytest.mark.parametrize(
    ("kind", "labels", "old", "new"),
    [
        ("voc", "b/a.xml", "<xmin>10", "<xmin>500"),
        ("yolo", "labels/b/a.txt", "0 0.", "9 0."),
        ("coco", "annotations.json", "[10, 20, 20, 24]", "[500, 20, 20, 24]"),
        ("crops", "manifest.csv", ",10,20,30,44,", ",510,20,530,44,"),
    ],
)
def test_a_picture_of_unusable_labels_is_not_one_without_a_face(
    tmp_path: Path, kind: str, labels: str, old: str, new: str
) -> None:
    for name, face in (("a", FACES[1]), ("b/a", FACES[0])):
        voc.write(picture(tmp_path / f"set/{name}.jpg").with_suffix(".xml"), name, 61, 47, [face])
    if kind != "voc":
        convert(tmp_path / "set", tmp_path / kind, kind)
    place = tmp_path / ("set" if kind == "voc" else kind)
    text = (place / labels).read_text()
    assert old in text
    (place / labels).write_text(text.replace(old, new))
    found = collect.load(place)
    assert [item.name for item in found.pictures] == ["a.jpg"]
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("place", "labels"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("a.jpg", "a.txt"),
        ("images/a.jpg", "images/a.txt"),
        ("Images/a.jpg", "Labels/a.txt"),
        ("images/IMG_1.JPG", "labels/img_1.txt"),
        ("IMG_1.JPG", "IMG_1.TXT"),
    ],
)
def test_the_layouts_of_yolo(tmp_path: Path, place: str, labels: str) -> None:
    picture(tmp_path / place, 100, 50)
    (tmp_path / labels).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / labels).write_text("1 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text(
        "train: ../train/images\nval: images/train\nnames: [with_mask, without_mask]\n"
    )
    (found,) = collect.load(tmp_path).pictures
    assert found.name == place.replace("images/", "").replace("Images/", "")
    assert found.objects == (VocObject(0, "without_mask", Box(25, 12.5, 75, 37.5)),)
    parts = {"train/images/a.jpg": "train", "images/train/a.jpg": "val"}
    assert found.row.get("split") == parts.get(place)


@pytest.mark.parametrize("folder", ["labels/", "images/", ""])
def test_yolo_labels_without_a_picture_are_listed(tmp_path: Path, folder: str) -> None:
    for name in ("a", "c"):
        picture(tmp_path / ("images" if folder else "") / f"{name}.jpg")
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "classes.txt").write_text("with_mask\n")
    (tmp_path / "data.yaml").write_text("names: [with_mask]\n")
    for name in ("train", "ReadMe"):
        (tmp_path / f"{name}.txt").write_text("./images/a.jpg\n")
    for name in ("a", "b"):
        (tmp_path / folder / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    found = collect.load(tmp_path)
    assert [len(item.objects) for item in found.pictures] == [1, 0]
    assert found.problems == [f"{tmp_path / folder}/b.txt: its picture is not there"]


def test_key_points_of_yolo_are_counted_and_no_outline(tmp_path: Path) -> None:
    line = "0 .5 .5 .5 .5" + " .9 .9 2" * 5
    picture(tmp_path / "a.jpg", 100, 50).with_suffix(".txt").write_text(line)
    (tmp_path / "data.yaml").write_text("names: [with_mask]\nkpt_shape: [5, 3]\n")
    found = collect.load(tmp_path)
    assert found.pictures[0].objects[0].box == Box(25, 12.5, 75, 37.5)
    assert found.lost == {"key points of faces (their boxes are kept)": 1}


def test_a_yolo_set_whose_labels_are_not_found_is_refused(tmp_path: Path) -> None:
    for name in ("images/a.jpg", "images/b.jpg"):
        picture(tmp_path / name)
        (tmp_path / "label").mkdir(exist_ok=True)
        (tmp_path / "label" / Path(name).with_suffix(".txt").name).write_text("0 .5 .5 .5 .5\n")
    (tmp_path / "data.yaml").write_text("names: [with_mask]\n")
    with pytest.raises(InputError, match="no picture has a label file"):
        collect.load(tmp_path)


def test_labels_of_one_picture_are_not_those_of_its_namesake_in_capitals(tmp_path: Path) -> None:
    for name in ("a.jpg", "A.jpg"):
        picture(tmp_path / name)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("file names here have no capitals of their own")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "classes.txt").write_text("with_mask\n")
    assert [len(item.objects) for item in collect.load(tmp_path).pictures] == [0, 1]


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("deep/set", "images/test"),
        ("{here}/deep/set", "test.txt"),
        ("deep/set", "../images/test"),
        ("/content/of/another/machine", "deep/set/images/test"),
        ("", "deep/set/images/test"),
    ],
)
def test_the_parts_of_a_yolo_set_lie_where_its_path_says(
    tmp_path: Path, path: str, test: str
) -> None:
    picture(tmp_path / "deep/set/images/test/a.jpg").with_suffix(".txt").touch()
    (tmp_path / "deep/set/test.txt").write_text("./images/test/a.jpg\n")
    path = path.format(here=tmp_path)
    (tmp_path / "data.yaml").write_text(f"path: {path}\ntest: {test}\nnames: [with_mask]\n")
    (found,) = collect.load(tmp_path).pictures
    assert found.row.get("split") == "test"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (None, ["test", "train", "val"]),
        ("train: /content/x/train\nval: /content/x/valid", ["test", "train", "val"]),
        ("train: ../train/images\nval: /content/x/valid", ["test", "train", "val"]),
        ("val: train/images", ["test", "val", "val"]),
        ("train: [train, valid, test]\nval: [train, valid, test]", ["test", "train", "val"]),
    ],
)
def test_parts_that_folders_are_named_after(
    tmp_path: Path, config: str | None, wanted: list[str]
) -> None:
    source = tmp_path / "source"
    for folder in ("train", "valid", "test"):
        path = picture(source / folder / ("images" if config else "") / "a.jpg")
        voc.write(path.with_suffix(".xml"), path, 61, 47, FACES[:1])
        path.with_suffix(".txt").write_text("0 0.5 0.5 0.5 0.5\n")
    if config:
        (source / "data.yaml").write_text(f"{config}\nnames: [with_mask]\n")
    result = convert(source, tmp_path / "yolo", "yolo", "yolo" if config else "voc")
    assert not result.problems
    rows = Manifest(tmp_path / "yolo").rows
    assert [row["split"] for row in sorted(rows, key=lambda row: row["file"])] == wanted
    (source / "manifest.csv").write_text("file,split\ntrain/a.jpg,test\n")
    again = collect.load(source, "voc").pictures
    assert [item.row.get("split") for item in again if "train" not in item.name] == [None, None]


@pytest.mark.parametrize(("file", "lost"), [("set/coco.json", 0), ("coco.json", 2)])
def test_parts_of_folders_beside_a_coco_file_are_not_lost(
    tmp_path: Path, file: str, lost: int
) -> None:
    for folder in ("train", "valid"):
        path = picture(tmp_path / "set" / folder / "a.jpg")
        voc.write(path.with_suffix(".xml"), path, 61, 47, FACES[:1])
    result = convert(tmp_path / "set", tmp_path / file, "coco")
    assert result.lost.total() == lost
    found = collect.load(tmp_path / file).pictures
    assert sum("split" in item.row for item in found) == 2 - lost


def test_a_place_of_a_part_that_is_gone_is_told_of(tmp_path: Path) -> None:
    for folder in ("x", "test"):
        picture(tmp_path / folder / "a.jpg").with_suffix(".txt").touch()
    (tmp_path / "data.yaml").write_text("train: /content/x/train\nnames: [with_mask]\n")
    found = collect.load(tmp_path)
    assert not any(item.row for item in found.pictures)
    assert "/content/x/train is not there, and 2 pictures are in no part" in found.problems[0]


def test_the_parts_of_pascal(tmp_path: Path) -> None:
    for name in ("a", "b.1", "c", "d"):
        path = picture(tmp_path / f"JPEGImages/{name}.jpg")
        voc.write(path.with_suffix(".xml"), path, 61, 47, FACES[:1])
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    lists = {"train": "a\nc\n", "val": "b.1\r\nc", "trainval": "d\n"}
    for name, text in lists.items():
        (tmp_path / f"ImageSets/Main/{name}.txt").write_text(text)
    found = collect.load(tmp_path).pictures
    assert [item.row.get("split") for item in found] == ["train", "val", None, None]


def test_the_layout_of_pascal_and_of_kaggle(tmp_path: Path) -> None:
    for folder, name in (("annotations", "images/a.png"), ("Annotations", "JPEGImages/b.jpg")):
        picture(tmp_path / name)
        (tmp_path / folder).mkdir()
        path = (tmp_path / folder / Path(name).name).with_suffix(".xml")
        voc.write(path, name, 61, 47, FACES[:1])
    found = collect.load(tmp_path)
    assert [item.name for item in found.pictures] == ["a.png", "b.jpg"]
    assert not found.problems


@pytest.mark.parametrize(
    ("configs", "label"),
    [
        ({"data-old.yaml": "[x, y]", "data.yaml": "[no_mask]"}, "without_mask"),
        ({"a.yaml": "[x, y]", "data.yml": "[no_mask]"}, "without_mask"),
        ({"a.yaml": "[no_mask]", "b.yml": "[no_mask]"}, "without_mask"),
        ({"a.yaml": "[no_mask]", "b.yml": "[with_mask]"}, None),
    ],
)
def test_which_file_names_the_classes_of_yolo(
    tmp_path: Path, configs: dict[str, str], label: str | None
) -> None:
    picture(tmp_path / "a.jpg").with_suffix(".txt").write_text("0 .5 .5 .5 .5\n")
    for name, names in configs.items():
        (tmp_path / name).write_text(f"names: {names}\n")
    with nullcontext() if label else pytest.raises(InputError, match="name different classes"):
        assert collect.load(tmp_path).pictures[0].objects[0].label == label


def test_pictures_that_would_share_their_labels_are_renamed(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        picture(tmp_path / "coco" / name)
    file = {"images": [{"id": k, "file_name": f"a.{k}"} for k in ("jpg", "png")], "annotations": []}
    (tmp_path / "coco/set.json").write_text(json.dumps(file))
    result = convert(tmp_path / "coco", tmp_path / "voc", "voc")
    assert result.renamed == 1
    assert {path.name for path in (tmp_path / "voc").iterdir()} == {
        *("a.jpg", "a.xml"),
        *("a-2.png", "a-2.xml"),
    }


@pytest.mark.parametrize("again", ["a.jpg", "images/a.jpg", "./a.jpg"])
def test_a_picture_that_a_coco_file_has_twice_keeps_all_its_faces(
    tmp_path: Path, again: str
) -> None:
    picture(tmp_path / "images/a.jpg")
    boxes = [(1, [10, 20, 20, 24]), (2, [0, 0, 61, 47]), (2, [10, 20, 20, 24])]
    document = {
        "images": [{"id": k, "file_name": name} for k, name in ((1, "a.jpg"), (2, again))],
        "annotations": [{"image_id": k, "category_id": 1, "bbox": box} for k, box in boxes],
        "categories": [{"id": 1, "name": "with_mask"}],
    }
    (tmp_path / "set.json").write_text(json.dumps(document))
    found = collect.load(tmp_path)
    assert [item.name for item in found.pictures] == ["a.jpg"]
    assert [item.box for item in found.pictures[0].objects] == [face.box for face in FACES]
    assert not found.problems


@pytest.mark.parametrize("relative", [False, True])
def test_a_coco_file_tells_a_picture_above_from_its_namesake_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    for name, face in (("a.jpg", FACES[0]), ("b/a.jpg", FACES[1])):
        path = picture(tmp_path / "set" / name)
        voc.write(path.with_suffix(".xml"), path, 61, 47, [face])
    convert(tmp_path / "set", tmp_path / "set/b/coco.json", "coco")
    monkeypatch.chdir(tmp_path / "set/b")
    file = Path("coco.json") if relative else tmp_path / "set/b/coco.json"
    result = convert(file, tmp_path / "back", "voc")
    assert (result.pictures, result.renamed, result.problems) == (2, 1, [])
    assert [len(item.objects) for item in collect.load(tmp_path / "back").pictures] == [1, 1]
    (tmp_path / "set/a.jpg").unlink()
    assert "lies neither beside it" in collect.load(file).problems[0]


@pytest.mark.parametrize("place", ["images/val2017", "val2017", "images", "annotations"])
def test_the_layouts_of_coco(tmp_path: Path, place: str) -> None:
    path = picture(tmp_path / place / "a.jpg")
    (tmp_path / "annotations").mkdir(exist_ok=True)
    document = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}
    (tmp_path / "annotations/instances_val2017.json").write_text(json.dumps(document))
    assert [item.path for item in collect.load(tmp_path).pictures] == [path]


@pytest.mark.parametrize(
    ("text", "voc"),
    [
        ("<annotation>", True),
        ("<?xml version='1.0'?>\n<annotation\n verified='yes'>", True),
        ("<annotation/>", True),
        ("<annotations><image/></annotations>", False),
    ],
)
def test_the_format_of_cvat_is_not_that_of_pascal(tmp_path: Path, text: str, voc: bool) -> None:
    (tmp_path / "a.xml").write_text(text)
    with nullcontext() if voc else pytest.raises(InputError, match="is in none of"):
        assert collect.detect(tmp_path) == "voc"


@pytest.mark.parametrize("name", ["../../secret.jpg", "/secret.jpg", "C:\\x\\..\\secret.jpg"])
def test_a_coco_file_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.jpg")
    (tmp_path / "a/b").mkdir(parents=True)
    file = tmp_path / "a/b/set.json"
    file.write_text(json.dumps({"images": [{"id": 1, "file_name": name}], "annotations": []}))
    with pytest.raises(InputError, match="lies neither beside it"):
        convert(file, tmp_path / "out", "voc")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("images/train/a.jpg", "train/a.jpg"),
        ("b\\JPEGImages\\a.jpg", "b/a.jpg"),
        ("../x/a.jpg", "x/a.jpg"),
        ("/x/images.jpg", "x/images.jpg"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert picture_name(path) == name


def test_taken_names() -> None:
    names = Names(by_stem=True)
    taken = [names.take(name) for name in ("a.jpg", "a.png", "a-2.jpg", "b/a.jpg", "a.jpg")]
    assert taken == ["a.jpg", "a-2.png", "a-2-2.jpg", "b/a.jpg", "a-3.jpg"]
    assert names.renamed == 3


@pytest.mark.corpus
def test_the_corpus_survives_coco(corpus: Path, tmp_path: Path) -> None:
    convert(corpus / "dev_scenes", tmp_path / "coco", "coco", link=True)
    back = convert(tmp_path / "coco", tmp_path / "voc", "voc", link=True)
    assert not back.problems
    first, last = (
        content(collect.load(root).pictures) for root in (corpus / "dev_scenes", tmp_path / "voc")
    )
    assert len(first) == 345
    assert first == last


def test_names_of_any_bytes_survive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    manifest = Manifest(source)
    for number, part in enumerate(("train", "test")):
        name = f"\udcff{number}.png"
        (source / "with_mask").mkdir(parents=True, exist_ok=True)
        images.write(source / "with_mask" / name, np.zeros((8, 8, 3), np.uint8))
        manifest.set(f"with_mask/{name}", {"split": part})
    manifest.write()
    convert(source, tmp_path / "yolo", "yolo")
    (tmp_path / "yolo/manifest.csv").unlink()
    found = collect.load(tmp_path / "yolo")
    assert {picture.path.name: picture.row.get("split") for picture in found.pictures} == {
        "\udcff0.png": "train",
        "\udcff1.png": "test",
    }
