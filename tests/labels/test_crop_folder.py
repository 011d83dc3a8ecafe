from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.catalog import Catalog
from maskdet.catalog.origin import origin
from maskdet.dedup.aside import set_aside, undo
from maskdet.dedup.match import Match
from maskdet.errors import InputError
from maskdet.faces.crop import cut_face
from maskdet.images import Bgr
from maskdet.labels import cutting, dataset, voc
from maskdet.labels.convert import convert
from maskdet.labels.crop import MARGIN, crop
from maskdet.types import Box

LEFT, RIGHT = Box(10, 10, 50, 60), Box(100, 20, 140, 60)


def label(picture: Path, *faces: tuple[str, Box], difficult: Box | None = None) -> None:
    objects = [voc.VocObject(0, *face) for face in faces]
    if difficult:
        objects.append(voc.VocObject(0, "with_mask", difficult, difficult=True))
    voc.write(picture.with_suffix(".xml"), picture, 160, 120, objects)


@pytest.fixture
def scene() -> Bgr:
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)


@pytest.fixture
def raw(tmp_path: Path, scene: Bgr) -> Path:
    """Two photographs of one name with labels, one without."""
    folder = tmp_path / "data/raw"
    for name in ("one/a.png", "two/a.png", "two/b.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(folder / name, scene)
    label(folder / "one/a.png", ("with_mask", LEFT), ("without_mask", RIGHT), difficult=LEFT)
    label(folder / "two/a.png", ("with_mask", LEFT))
    return folder


@pytest.fixture
def faces(raw: Path) -> Path:
    return raw.parent / "faces"


def listing(faces: Path) -> list[str]:
    return sorted(path.relative_to(faces).as_posix() for path in faces.rglob("*.jpg"))


def rows(faces: Path) -> list[dict[str, str]]:
    with (faces / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_faces_are_cut_into_class_folders(raw: Path, faces: Path, scene: Bgr) -> None:
    done = crop(raw, faces)
    assert (done.made, done.difficult, done.unlabelled) == (3, 1, 1)
    assert done.labels == Counter(with_mask=2, without_mask=1)
    first, second, third = listing(faces)
    # Of two photographs of one name, the second one's crops carry a digest of its path.
    assert (second, third) == ("with_mask/a_0.jpg", "without_mask/a_1.jpg")
    assert first.startswith("with_mask/a-")
    found = images.read(faces / second).astype(int)
    wanted = cut_face(scene, LEFT, MARGIN)
    assert found.shape == wanted.shape == (60, 60, 3)
    assert abs(cv2_blur(found) - cv2_blur(wanted)).mean() < 8


def cv2_blur(image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.blur(image.astype(np.float32), (5, 5))


def test_the_manifest_groups_by_picture_and_train_takes_it(raw: Path, faces: Path) -> None:
    crop(raw, faces)
    table = {row["file"]: row for row in rows(faces)}
    row = table["without_mask/a_1.jpg"]
    assert row["group"] == row["picture"] == "raw/one/a.png"
    assert [float(row[key]) for key in ("x1", "y1", "x2", "y2")] == RIGHT.to_list()
    assert (row["class"], row["object"], row["margin"]) == ("without_mask", "1", "0.1")
    data = dataset.load([faces])
    assert not data.problems
    assert Counter((sample.label, sample.group) for sample in data.samples) == {
        ("with_mask", "raw/one/a.png"): 1,
        ("without_mask", "raw/one/a.png"): 1,
        ("with_mask", "raw/two/a.png"): 1,
    }


def test_a_group_that_the_photographs_have_is_kept(raw: Path, faces: Path) -> None:
    (raw / "manifest.csv").write_text("file,group\none/a.png,street\n")
    crop(raw, faces)
    assert Counter(row["group"] for row in rows(faces)) == {"street": 2, "raw/two/a.png": 1}


@pytest.mark.parametrize("cut_before", [False, True])
def test_a_part_that_the_photographs_have_is_taken_over_once(
    raw: Path, faces: Path, scene: Bgr, cut_before: bool
) -> None:
    images.write(raw / "two/a.png", 255 - scene)
    if cut_before:
        crop(raw, faces)
    for part, joined in (("", ""), ("odd", ""), ("valid", "val"), ("test", "val")):
        (raw / "manifest.csv").write_text(f"file,split\none/a.png,{part}\ntwo/a.png,train\n")
        crop(raw, faces)
        parts = {(row["picture"], row["split"]) for row in rows(faces)}
        assert parts == {("raw/two/a.png", "train"), ("raw/one/a.png", joined)}
    label(raw / "one/a.png", *[("with_mask", box) for box in (LEFT, RIGHT, LEFT)])
    crop(raw, faces)
    assert Counter(row["split"] for row in rows(faces)) == {"val": 3, "train": 1}


def test_copies_of_a_photograph_do_not_take_over_each_others_part(raw: Path, faces: Path) -> None:
    (raw / "manifest.csv").write_text("file,split\none/a.png,train\ntwo/a.png,val\n")
    crop(raw, faces)
    label(raw / "one/a.png", ("mask_worn_incorrectly", LEFT), ("with_mask", RIGHT))
    crop(raw, faces)
    parts = Counter((row["picture"], row["split"]) for row in rows(faces))
    assert parts == {("raw/one/a.png", "train"): 2, ("raw/two/a.png", "val"): 1}


def test_no_crop_is_made_twice_from_inside_a_data_set_that_is_a_link(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "link"
    data.symlink_to(raw.parent)
    with Catalog(data) as catalog:
        crop(data / "raw", data / "faces", data)
        before = rows(data / "faces")
        monkeypatch.chdir(data)
        again = crop(Path("raw"), data / "faces", data)
        assert (again.made, again.unchanged, again.removed) == (0, 3, 0)
        assert rows(data / "faces") == before
        label(raw / "two/b.png", ("with_mask", LEFT))
        assert crop(Path("raw"), data / "faces", data).made == 1
        assert rows(data / "faces")[-1]["group"] == "raw/two/b.png"
        assert origin(catalog, "faces/with_mask/b_0.jpg").picture.path == "raw/two/b.png"
        (raw / "two/b.xml").unlink()
        assert crop(Path("raw"), data / "faces", data).removed == 1


def test_crops_follow_the_labels(raw: Path, faces: Path) -> None:
    crop(raw, faces)
    again = crop(raw, faces)
    assert (again.made, again.unchanged, again.removed) == (0, 3, 0)

    label(raw / "one/a.png", ("mask_worn_incorrectly", LEFT))
    (raw / "two/a.png").unlink()
    label(raw / "two/b.png", ("with_mask", RIGHT))
    done = crop(raw, faces)
    assert (done.made, done.unchanged, done.removed) == (2, 0, 3)
    assert listing(faces) == ["mask_worn_incorrectly/a_0.jpg", "with_mask/b_0.jpg"]
    # Training refuses class folders without a picture.
    assert not (faces / "without_mask").exists()
    assert [row["file"] for row in rows(faces)] == listing(faces)


@pytest.mark.parametrize("change", ["box", "picture", "margin", "file"])
def test_a_crop_is_made_anew_when_what_it_shows_has_changed(
    raw: Path, faces: Path, scene: Bgr, change: str
) -> None:
    crop(raw, faces)
    before = (faces / "with_mask/a_0.jpg").read_bytes()
    margin = MARGIN
    if change == "box":
        label(raw / "one/a.png", ("with_mask", Box(0, 0, 60, 60)), ("without_mask", RIGHT))
    elif change == "picture":
        images.write(raw / "one/a.png", 255 - scene)
    elif change == "margin":
        margin = 0.3
    else:
        (faces / "with_mask/a_0.jpg").unlink()
    done = crop(raw, faces, margin=margin)
    assert (done.made, done.removed) == ({"picture": 2, "margin": 3}.get(change, 1), 0)
    assert ((faces / "with_mask/a_0.jpg").read_bytes() == before) == (change == "file")


def test_what_a_person_has_put_there_is_never_touched(raw: Path, faces: Path, scene: Bgr) -> None:
    (faces / "with_mask").mkdir(parents=True)
    images.write(faces / "with_mask/a_0.jpg", scene)
    images.write(faces / "with_mask/mine.jpg", scene)
    (faces / "manifest.csv").write_text("file,group,note\nwith_mask/mine.jpg,me,hello\n")
    mine = {name: (faces / name).read_bytes() for name in listing(faces)}
    crop(raw, faces)
    assert len(listing(faces)) == 5
    for picture in raw.rglob("*.png"):
        picture.unlink()
    done = crop(raw, faces)
    assert done.removed == 3
    assert {name: (faces / name).read_bytes() for name in listing(faces)} == mine
    (row,) = rows(faces)
    assert (row["file"], row["group"], row["note"]) == ("with_mask/mine.jpg", "me", "hello")


def test_a_manifest_cannot_lead_out_of_the_folder(raw: Path, faces: Path) -> None:
    crop(raw, faces)
    outside = raw.parent / "precious.jpg"
    outside.write_bytes(b"x")
    table = faces / "manifest.csv"
    table.write_text(table.read_text().replace("with_mask/a_0.jpg", "../precious.jpg"))
    crop(raw, faces)
    assert outside.exists()


def test_crops_of_another_folder_stay(raw: Path, faces: Path) -> None:
    crop(raw / "one", faces)
    done = crop(raw / "two", faces)
    assert (done.made, done.removed) == (1, 0)
    assert len(listing(faces)) == 3
    assert crop(raw, faces).unchanged == 3


def test_crops_of_another_folder_stay_when_it_is_gone(raw: Path, faces: Path) -> None:
    convert(raw / "one", faces, "crops")  # all that are there: the manifest names them alike
    crop(raw / "two", faces)
    before = listing(faces)
    for folder in ("one", "two"):
        (raw / folder).rename(raw.parent / f"{folder} moved")
    (raw / "three").mkdir()
    assert crop(raw / "three", faces).removed == 0
    assert listing(faces) == before
    assert len(before) == 3


def test_a_run_that_was_killed_is_finished_by_the_next(
    raw: Path, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(images, "write", kill)
        with pytest.raises(KeyboardInterrupt):
            crop(raw, faces, workers=1)
    assert listing(faces) == []
    assert crop(raw, faces).made == 3
    assert len(listing(faces)) == len(rows(faces)) == 3


def test_processes_do_what_threads_do(
    raw: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop(raw, tmp_path / "threads", raw.parent, workers=2)
    monkeypatch.setattr(cutting, "WORTH_PROCESSES", 1)
    whole = (raw / "two/a.png").read_bytes()
    (raw / "two/a.png").write_bytes(whole[: len(whole) // 2])
    done = crop(raw, faces, workers=2)
    assert (done.made, len(done.problems)) == (2, 1)
    for name in listing(faces):
        assert (faces / name).read_bytes() == (tmp_path / "threads" / name).read_bytes()


def test_what_is_broken_is_named_and_the_rest_goes_on(raw: Path, faces: Path, scene: Bgr) -> None:
    two = raw / "two"
    whole = (two / "a.png").read_bytes()
    (two / "a.png").write_bytes(whole[: len(whole) // 2])  # its head can still be read
    (two / "b.xml").write_text("<annotation>")
    images.write(two / "c.png", scene)
    label(two / "c.png", ("with_mask", RIGHT))
    text = (two / "c.xml").read_text()
    for old, new in (("<xmin>100", "<xmin>500"), ("<xmax>140", "<xmax>540")):
        text = text.replace(old, new)
    (two / "c.xml").write_text(text)
    done = crop(raw, faces)
    names = sorted(problem.split(f"{two}/")[1][:5] for problem in done.problems)
    assert names == ["a.png", "b.xml", "c.xml"]
    assert done.made == len(listing(faces)) == len(rows(faces)) == 2


def test_the_ledger_knows_each_crop(raw: Path, faces: Path) -> None:
    query = (
        "SELECT crops.path, images.path AS picture, object, label, x1, made FROM crops "
        "JOIN images ON images.id = image_id ORDER BY picture, object"
    )
    with Catalog(raw.parent) as catalog:
        crop(raw, faces)
        before = catalog.read(query)
        assert [tuple(row)[1:5] for row in before] == [
            ("raw/one/a.png", 0, "with_mask", 10),
            ("raw/one/a.png", 1, "without_mask", 100),
            ("raw/two/a.png", 0, "with_mask", 10),
        ]
        assert sorted(row["path"] for row in before) == [f"faces/{name}" for name in listing(faces)]
        label(raw / "one/a.png", ("without_mask", LEFT))
        (raw / "two/a.xml").unlink()
        crop(raw, faces)
        (row,) = catalog.read(query)
        face = ("raw/one/a.png", 0, "without_mask", 10)
        assert tuple(row)[:5] == ("faces/without_mask/a_0.jpg", *face)
        crop(raw, faces)
        assert [tuple(kept) for kept in catalog.read(query)] == [tuple(row)]


def cut_and_set_aside(catalog: Catalog, faces: Path, action: str = "move") -> list[str]:
    """Cut the crops, set the second aside for the first, and return what they all are."""
    crop(catalog.root / "raw", faces)
    before = listing(faces)
    match = Match(str(faces / before[1]), str(faces / before[0]), "exact", "no difference", 0)
    set_aside(catalog, [match], action, catalog.root / "duplicates")
    return before


@pytest.mark.parametrize("action", ["move", "delete"])
def test_what_was_set_aside_is_not_made_again(raw: Path, faces: Path, action: str) -> None:
    with Catalog(raw.parent) as catalog:
        first, second, third = cut_and_set_aside(catalog, faces, action)
        done = crop(raw, faces)
        assert (done.made, done.unchanged, done.removed) == (0, 2, 0)
        assert listing(faces) == [first, third]
        assert second in {row["file"] for row in rows(faces)}
        if action == "move":
            undo(catalog)
            assert crop(raw, faces).unchanged == 3
        else:  # another box is another crop
            label(raw / "one/a.png", ("with_mask", RIGHT), ("without_mask", RIGHT))
            assert crop(raw, faces).made == 1
        assert listing(faces) == [first, second, third]


def test_what_was_set_aside_for_a_crop_that_has_gone_is_made_again(raw: Path, faces: Path) -> None:
    with Catalog(raw.parent) as catalog:
        first, second, _ = cut_and_set_aside(catalog, faces)
        label(raw / "two/a.png", ("without_mask", LEFT))
        crop(raw, faces)
        assert listing(faces)[0] == second
        assert first not in listing(faces)


def test_what_was_relabelled_does_not_come_back_under_its_old_class(raw: Path, faces: Path) -> None:
    with Catalog(raw.parent) as catalog:
        first, _, third = cut_and_set_aside(catalog, faces)
        label(raw / "one/a.png", ("without_mask", LEFT), ("without_mask", RIGHT))
        crop(raw, faces)
        undo(catalog)
        assert listing(faces) == [first, "without_mask/a_0.jpg", third]


def test_crops_follow_photographs_that_are_moved(raw: Path, faces: Path, tmp_path: Path) -> None:
    crop(raw, faces)
    before = listing(faces)
    raw.rename(tmp_path / "data/pics")
    assert crop(tmp_path / "data/pics", faces).made == 3
    assert len(listing(faces)) == len(before)


def test_a_bare_folder_has_no_ledger(raw: Path, tmp_path: Path) -> None:
    crop(raw, tmp_path / "elsewhere", data=tmp_path / "data")
    assert not (tmp_path / "data/catalog.sqlite").exists()
    assert rows(tmp_path / "elsewhere")[0]["picture"] == "raw/one/a.png"


def test_crops_among_the_photographs_are_refused(raw: Path) -> None:
    (raw.parent / "link").symlink_to(raw)
    for faces in (raw / "faces", raw.parent / "link", raw.parent / "link" / "faces"):
        with pytest.raises(InputError, match="lies in"):
            crop(raw, faces)


@pytest.mark.corpus
def test_a_real_folder(corpus: Path, tmp_path: Path) -> None:
    scenes = sorted((corpus / "train_pool/scenes").glob("amvd_*.jpg"))[:40]
    expected: Counter[str] = Counter()
    for picture in scenes:
        for path in (picture, picture.with_suffix(".xml")):
            (tmp_path / "raw").mkdir(exist_ok=True)
            (tmp_path / "raw" / path.name).write_bytes(path.read_bytes())
        found = voc.read(picture.with_suffix(".xml"), *images.size(picture)).objects
        expected.update(item.label for item in found if not item.difficult)
    done = crop(tmp_path / "raw", tmp_path / "faces")
    assert not done.problems
    assert done.labels == expected
    data = dataset.load([tmp_path / "faces"])
    assert Counter(sample.label for sample in data.samples) == expected
    assert len({sample.group for sample in data.samples}) <= 40
