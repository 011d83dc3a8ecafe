"""From folder to folder: what is made, what is left out, and what is known of it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskdet import catalog, forget, images
from maskdet.catalog import pictures
from maskdet.catalog.origin import origin
from maskdet.errors import InputError, OutputError
from maskdet.images import Bgr
from maskdet.labels import dataset, voc
from maskdet.labels.manifest import Manifest
from maskdet.layout import voc_path
from maskdet.synth import occlude, run, sheet, styles
from maskdet.synth.landmarks import LandmarkNet, Mesh
from maskdet.synth.plan import SynthOptions
from maskdet.synth.run import Synthesised, synthesise
from maskdet.types import Box

FACE = Box(175, 60, 275, 185)
OBJECTS = (
    voc.VocObject(0, "with_mask", Box(300, 300, 360, 380)),
    voc.VocObject(1, "without_mask", FACE),
    voc.VocObject(2, "without_mask", Box(10, 10, 22, 24)),
    voc.VocObject(3, "without_mask", Box(400, 60, 470, 130), difficult=True),
    voc.VocObject(4, "without_mask", Box(330, 20, 420, 120), truncated=True, pose="Left"),
)
"""On the portrait: no. 1 is the face, no. 4 shows none."""


GROUND = {"a": (0, 200, 0), "b": (200, 0, 0)}
"""Colours beside the faces."""


@pytest.fixture
def photographs(tmp_path: Path, astronaut: Bgr) -> Path:
    """A portrait with a VOC file, twice, in folders of their own, and a manifest."""
    root = tmp_path / "photographs"
    manifest = Manifest(root)
    for folder, group in (("a", "7"), ("b", "8")):
        path = root / folder / "portrait.png"
        path.parent.mkdir(parents=True)
        picture = astronaut.copy()
        picture[0, 0] = int(group)  # the same bytes would be the same picture
        images.write(path, picture)
        voc.write(voc_path(path), path, 512, 512, OBJECTS)
        row = {"source": "NASA", "group": group, "split": "train"}
        manifest.set(f"{folder}/portrait.png", row)
    manifest.write()
    return root


@pytest.fixture
def crops(tmp_path: Path, astronaut: Bgr) -> Path:
    """Faces in class folders, without a manifest."""
    root = tmp_path / "faces"
    (root / "without_mask").mkdir(parents=True)
    (root / "with_mask").mkdir()
    face = astronaut[50:195, 165:285]
    images.write(root / "without_mask" / "face.png", face)
    images.write(root / "with_mask" / "other.png", face)
    return root


def made(root: Path, out: Path, *wanted: str, **options: object) -> Synthesised:
    return synthesise(root, out, SynthOptions(styles=wanted or ("correct",), workers=1, **options))  # type: ignore[arg-type]


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def jpegs_below(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in bytes_below(folder).items() if name.endswith(".jpg")}


def test_a_photograph_keeps_its_boxes_and_what_is_not_treated(
    photographs: Path, tmp_path: Path, astronaut: Bgr
) -> None:
    result = made(photographs, tmp_path / "out", "under_nose")
    assert result.problems == []
    assert result.labels == {"mask_worn_incorrectly": 2}
    assert result.skipped == {"too small": 2, "no face found": 2}
    assert [item.file for item in result.made] == [
        "a/portrait_1_under_nose-1.jpg",
        "b/portrait_1_under_nose-1.jpg",
    ]
    for item in result.made:
        path = tmp_path / "out" / item.file
        found = voc.read(voc_path(path), 512, 512)
        assert not found.proposal
        labels = ["with_mask", "mask_worn_incorrectly", *["without_mask"] * 3]
        assert [other.label for other in found.objects] == labels
        for before, after in zip(OBJECTS, found.objects, strict=True):
            assert (after.box, after.difficult, after.truncated, after.pose) == (
                *(before.box, before.difficult, before.truncated, before.pose),
            )
        change = np.abs(images.read(path).astype(float) - astronaut).mean(axis=2)
        assert change[160:170, 210:230].mean() > 15  # the chin
        assert change[70:110, 190:260].mean() < 4  # forehead and eyes
        assert change[300:].mean() < 4


def test_a_face_that_is_excluded_is_difficult_in_what_is_made(
    photographs: Path, tmp_path: Path
) -> None:
    result = made(photographs, tmp_path / "out", exclude=["portrait.png#0", "photographs/b/*#4"])
    found = [
        [
            item.difficult
            for item in voc.read(voc_path(tmp_path / "out" / some.file), 512, 512).objects
        ]
        for some in result.made
    ]
    assert found == [[True, False, False, True, False], [True, False, False, True, True]]


def test_the_manifest_names_origin_and_group(
    photographs: Path, crops: Path, tmp_path: Path
) -> None:
    for root, folder in ((photographs, "p"), (crops, "c")):
        out = tmp_path / folder
        made(root, out, *styles.STYLES, count=4, seed=5)
        origins = {sample.path: sample for sample in dataset.load([root]).samples}
        manifest = Manifest(out)
        found = dataset.load([out])
        assert found.problems == []
        assert {sample.path for sample in found.samples} == {out / r["file"] for r in manifest.rows}
        for row in manifest.rows:
            source = origins[root.parent / row["picture"]]
            label = styles.LABELS[row["style"]]
            assert (row["group"], row["class"]) == (source.group, label)
            assert (row["kind"], row["seed"], bool(row["template"])) == ("synthetic", "5", True)
            stem = Path(row["picture"]).stem
            pattern = rf"{stem}_{row['object'].split()[0]}_{row['style']}-[1-4]\.jpg"
            assert re.fullmatch(pattern, Path(row["file"]).name)
            assert row.get("split", "") == (source.split or "")
            assert row["source"] == ("NASA" if root == photographs else "")
        for sample in found.samples:
            assert sample.group in {source.group for source in origins.values()}
            if root == crops:
                assert sample.path.parent.name == sample.label


def test_the_same_seed_gives_the_same_bytes(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = crops / "without_mask" / "face.png"
    for number in range(2):
        shutil.copy(face, face.with_name(f"copy{number}.png"))
    (crops / "background").mkdir()
    images.write(crops / "background" / "green.png", np.full((90, 90, 3), (0, 200, 0), np.uint8))
    monkeypatch.setattr(run, "_WORTH_PROCESSES", 2)
    options = {"count": 2, "seed": 3}
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    assert any(item.piece for item in made(crops, first, *styles.STYLES, **options).made)
    shared = SynthOptions(styles=styles.STYLES, workers=2, count=2, seed=3)
    synthesise(crops, again, shared)
    made(crops, other, *styles.STYLES, count=2, seed=4)
    assert len(bytes_below(first)) == 7
    assert bytes_below(first) == bytes_below(again)
    # Not for other names or the seed in the manifest: no picture is the same.
    assert jpegs_below(first).keys() & jpegs_below(other).keys()
    assert not jpegs_below(first).items() & jpegs_below(other).items()
    # What is made of a face does not depend on the others.
    alone = tmp_path / "alone"
    made(crops, alone, *styles.MASK_STYLES, **options, limit=1)
    made(crops, tmp_path / "all", *styles.MASK_STYLES, **options)
    assert len(jpegs_below(alone)) == 2
    assert jpegs_below(alone).items() <= jpegs_below(tmp_path / "all").items()


@pytest.mark.parametrize(
    ("options", "wanted", "reason"),
    [
        ({"max_yaw": 0.0}, "correct", "turned away"),
        ({"min_face": 130.0}, "correct", "too small"),
        ({}, "chin", "mask outside the picture"),
        ({}, "noise", "no face found"),
    ],
)
def test_faces_that_are_left_out_are_counted(
    crops: Path,
    tmp_path: Path,
    astronaut: Bgr,
    options: dict[str, float],
    wanted: str,
    reason: str,
) -> None:
    path = crops / "without_mask" / "face.png"
    if wanted == "noise":
        images.write(path, np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8))
        wanted = "correct"
    if wanted == "chin":  # which the picture does not show
        images.write(path, astronaut[50:160, 165:285])
    result = made(crops, tmp_path / "out", wanted, **options)
    assert result.skipped == {reason: 1}
    assert (result.made, result.problems) == ([], [])
    assert not list((tmp_path / "out").rglob("*.jpg"))


@pytest.fixture
def only_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlude, "_SHARES", {**dict.fromkeys(occlude._SHARES, 1e-9), "patch": 1})


@pytest.fixture
def grounds(photographs: Path) -> Path:
    """The photographs with nothing but one colour beside their boxes: each has another."""
    shown = np.zeros((512, 512, 1), bool)
    for item in OBJECTS:
        x1, y1, x2, y2 = map(int, item.box.to_list())
        shown[y1:y2, x1:x2] = True
    for folder, ground in GROUND.items():
        path = photographs / folder / "portrait.png"
        images.write(path, np.where(shown, images.read(path), np.array(ground, np.uint8)))
    return photographs


def main_colour(path: Path) -> int:
    """Return which channel is the strongest at the mouth."""
    return int(images.read(path)[140:150, 218:228].mean((0, 1)).argmax())


@pytest.mark.usefixtures("only_patches")
@pytest.mark.parametrize("alone", [None, "split", "group", "broken"])
def test_a_piece_before_a_mouth_is_of_another_picture_where_there_is_one(
    grounds: Path, tmp_path: Path, alone: str | None
) -> None:
    if alone == "broken":
        (grounds / "b" / "portrait.png").write_bytes(b"nothing")
    elif alone:
        manifest = Manifest(grounds)
        row = {"group": "7", "split": "train"} | {alone: "test" if alone == "split" else "7"}
        manifest.set("b/portrait.png", row)
        manifest.write()
    result = made(grounds, tmp_path / "out", "occluded")
    assert len(result.problems) == (alone == "broken")
    rows = Manifest(tmp_path / "out").rows
    assert [item.templates for item in result.made] == [("patch",)] * len(rows)
    for item, row in zip(result.made, rows, strict=True):
        own, other = ("a", "b") if item.file[0] == "a" else ("b", "a")
        expected = own if alone else other
        path = tmp_path / "out" / item.file
        assert main_colour(path) == int(np.argmax(GROUND[expected]))
        assert row.get("piece", "") == ("" if alone else f"photographs/{other}/portrait.png")


@pytest.mark.usefixtures("only_patches")
def test_a_piece_shows_no_face(crops: Path, tmp_path: Path, astronaut: Bgr) -> None:
    # A picture that is a face as a whole has no room for a piece beside it,
    result = made(crops, tmp_path / "out", "occluded")
    assert result.made[0].templates != ("patch",)
    # a background is nothing else.
    (crops / "background").mkdir()
    images.write(crops / "background" / "green.png", np.full((90, 90, 3), (0, 200, 0), np.uint8))
    result = made(crops, tmp_path / "more", "occluded")
    assert result.made[0].templates == ("patch",)


def test_no_neighbour_is_hidden(photographs: Path, tmp_path: Path) -> None:
    (photographs / "b" / "portrait.png").unlink()
    (photographs / "b" / "portrait.xml").unlink()
    path = photographs / "a" / "portrait.png"
    beside = voc.VocObject(1, "with_mask", Box(260, 120, 330, 220))
    voc.write(voc_path(path), path, 512, 512, [OBJECTS[1], beside])
    before = images.read(path).astype(float)
    result = made(photographs, tmp_path / "out", "occluded", count=16)
    assert len(result.made) > 8
    for item in result.made:
        change = np.abs(images.read(tmp_path / "out" / item.file) - before).max(axis=2)
        assert (change[170:220, 260:330] > 25).mean() < 0.3, item.file
    # One that is as good as in the same place is hidden whatever is drawn.
    voc.write(voc_path(path), path, 512, 512, [OBJECTS[1], replace(beside, box=FACE)])
    result = made(photographs, tmp_path / "none", "occluded")
    assert (result.made, result.skipped) == ([], {"another face would be hidden": 1})


def test_a_picture_is_looked_at_once_however_many_are_made_of_it(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes: list[Box] = []
    find = LandmarkNet.find

    def counted(net: LandmarkNet, image: Bgr, box: Box) -> Mesh | None:
        boxes.append(box)
        return find(net, image, box)

    monkeypatch.setattr(LandmarkNet, "find", counted)
    result = made(photographs, tmp_path / "out", *styles.STYLES, count=3)
    assert boxes == [OBJECTS[1].box, OBJECTS[4].box] * 2
    assert len(result.made) == 6
    assert result.skipped == {"too small": 2, "no face found": 2}


def test_a_broken_picture_does_not_stop_the_others(crops: Path, tmp_path: Path) -> None:
    face = crops / "without_mask" / "face.png"
    (crops / "without_mask" / "broken.png").write_bytes(face.read_bytes()[:3000])
    result = made(crops, tmp_path / "out")
    assert len(result.made) == 1
    (problem,) = result.problems
    assert "broken.png is broken" in problem


def test_pictures_of_one_name_stay_apart(crops: Path, tmp_path: Path) -> None:
    face = crops / "without_mask" / "face.png"
    (crops / "more" / "no_mask").mkdir(parents=True)
    shutil.copy(face, crops / "more" / "no_mask" / "face.png")
    result = made(crops, tmp_path / "out")
    files = sorted(item.file for item in result.made)
    assert files == ["with_mask/face-2_0_correct-1.jpg", "with_mask/face_0_correct-1.jpg"]


def test_what_is_there_is_replaced_only_when_asked(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(crops, out)
    before = bytes_below(out)
    with pytest.raises(OutputError, match="are there already"):
        made(crops, out, seed=1)
    assert bytes_below(out) == before
    made(crops, out, seed=1, overwrite=True)
    assert bytes_below(out).keys() == before.keys()
    assert not jpegs_below(out).items() & before.items()
    made(crops, out, "under_nose")
    assert len(Manifest(out).rows) == 2


def test_what_was_known_of_a_picture_that_is_replaced_is_forgotten(
    photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made(photographs, out)
    assert [row["split"] for row in Manifest(out).rows] == ["train", "train"]
    (photographs / "manifest.csv").unlink()
    made(photographs, out, overwrite=True)
    rows = Manifest(out).rows
    assert [(row.get("split", ""), row["source"]) for row in rows] == [("", "")] * 2


def test_what_cannot_be_used_is_refused(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lies in"):
        made(crops, crops / "out")
    with pytest.raises(InputError, match="holds no PNG"):
        made(crops, tmp_path / "out", templates=tmp_path / "faces" / "with_mask")
    (crops / "manifest.csv").write_text("file,split\nwithout_mask/face.png,test\n")
    with pytest.raises(InputError, match="groups and the split"):
        made(crops / "without_mask", tmp_path / "out")
    shutil.rmtree(crops / "without_mask")
    (crops / "manifest.csv").unlink()
    with pytest.raises(InputError, match="labelled without_mask"):
        made(crops, tmp_path / "out")


def test_the_ledger_leads_back_and_forgets_with_the_origin(
    tmp_path: Path, photographs: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    photographs.rename(data / "raw")
    with catalog.Catalog(data) as opened:
        for folder in ("a", "b"):
            pictures.register(opened, data / "raw" / folder / "portrait.png")
    out = data / "synthetic"
    result = made(data / "raw", out)
    with catalog.Catalog(data) as opened:
        for item in result.made:
            found = origin(opened, out / item.file)
            assert found.picture.path == f"raw/{item.file[0]}/portrait.png"
            assert found.face is not None
            assert (found.face.object, found.face.label) == (1, "with_mask")
            assert found.face.box == FACE
        assert Manifest(out).rows[0]["picture"] == "raw/a/portrait.png"
        forget.forget(opened, forget.plan(opened, [str(data / "raw" / "a" / "portrait.png")]))
    assert bytes_below(out).keys() == {
        "b/portrait_1_correct-1.jpg",
        "b/portrait_1_correct-1.xml",
        "manifest.csv",
    }
    assert [row["file"][0] for row in Manifest(out).rows] == ["b"]


def test_a_synthetic_crop_leads_to_the_picture_of_its_crop(
    tmp_path: Path, photographs: Path
) -> None:
    from maskdet.labels.crop import crop

    data = tmp_path / "data"
    data.mkdir()
    photographs.rename(data / "raw")
    with catalog.Catalog(data):
        crop(data / "raw", data / "faces", data)
    result = made(data / "faces", data / "synthetic", exclude=["*_2.jpg", "*_4.jpg"])
    assert len(result.made) == 2
    with catalog.Catalog(data) as opened:
        origins = [origin(opened, data / "synthetic" / item.file) for item in result.made]
    assert {found.picture.path for found in origins} == {
        "raw/a/portrait.png",
        "raw/b/portrait.png",
    }
    assert all(found.face and found.face.box == FACE for found in origins)
    groups = {row["group"] for row in Manifest(data / "synthetic").rows}
    assert groups == {"7", "8"}


def test_no_more_pictures_are_read_than_the_sheet_shows(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "_MOST", 2)
    result = made(crops, tmp_path / "out", *styles.STYLES, count=3)
    (tmp_path / "out" / result.made[2].file).unlink()
    sheet.write(tmp_path / "out", result.made, tmp_path / "sheet.png")
    height, width = images.read(tmp_path / "sheet.png").shape[:2]
    assert width == 2 * 192 < 2 * height


@pytest.mark.corpus
def test_real_faces_with_real_templates(corpus: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool" / "without_mask"
    pool.mkdir(parents=True)
    rows = [
        row["file"]
        for row in Manifest(corpus / "train_pool" / "crops").rows
        if row["class"] == "without_mask" and row["kind"] == "face"
    ]
    for file in rows[:: len(rows) // 12][:12]:
        shutil.copy(corpus / "train_pool" / file, pool)
    result = made(pool.parent, tmp_path / "out", templates=corpus / "mask_templates", min_face=0)
    assert result.problems == []
    assert len(result.made) >= 8
    assert all(not name.startswith("drawn-") for item in result.made for name in item.templates)


def test_a_face_with_a_hidden_mouth_keeps_its_size_its_hair_and_its_forehead(
    crops: Path, tmp_path: Path
) -> None:
    made(crops, tmp_path / "out", "occluded")
    (path,) = (tmp_path / "out").rglob("*.jpg")
    before = images.read(crops / "without_mask" / "face.png")
    after = images.read(path)
    assert after.shape == before.shape
    grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[:45] for image in (before, after)]
    assert np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1] > 0.95  # hair and forehead
