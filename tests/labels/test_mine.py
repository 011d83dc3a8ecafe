from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.errors import InputError, OutputError
from maskdet.faces.crop import cut_face
from maskdet.images import Bgr
from maskdet.labels import dataset, voc
from maskdet.labels.mine import mine
from maskdet.labels.voc import VocObject
from maskdet.types import Box, Face

LEFT, RIGHT = Box(10, 10, 50, 60), Box(100, 20, 140, 60)
NEAR_LEFT, FAR = Box(12, 12, 52, 60), Box(70, 80, 90, 110)


class Finding:
    """A detector that finds the same boxes in every picture, each less surely than the last."""

    name = "finding"
    min_score = 0.0

    def __init__(self, *boxes: Box) -> None:
        self.faces = [Face(box, 0.9 - place / 10) for place, box in enumerate(boxes)]

    def detect(self, image: Bgr) -> list[Face]:
        return self.faces


def label(picture: Path, *objects: VocObject, proposal: bool = False) -> None:
    voc.write(picture.with_suffix(".xml"), picture, 160, 120, objects, proposal)


@pytest.fixture
def scene() -> Bgr:
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)


@pytest.fixture
def raw(tmp_path: Path, scene: Bgr) -> Path:
    """Two photographs of one name, with a face and a difficult one each."""
    folder = tmp_path / "raw"
    for name in ("one/a.png", "two/a.png"):
        (folder / name).parent.mkdir(parents=True)
        images.write(folder / name, scene)
        difficult = VocObject(1, "without_mask", RIGHT, difficult=True)
        label(folder / name, VocObject(0, "with_mask", LEFT), difficult)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "mined"


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def listing(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.jpg"))


def test_found_faces_and_false_alarms_are_cut_out(raw: Path, out: Path, scene: Bgr) -> None:
    done = mine(raw, out, Finding(NEAR_LEFT, FAR, RIGHT))
    assert (done.found, done.false_alarms, done.neither, done.missed) == ({"with_mask": 2}, 2, 2, 0)
    table = rows(out)
    assert listing(out) == sorted(table)
    assert len(table) == 4
    face, alarm = table["with_mask/a_0.jpg"], table["background/a_1.jpg"]
    assert (face["class"], face["kind"], face["object"]) == ("with_mask", "detected", "0")
    assert (alarm["class"], alarm["kind"], alarm["object"]) == ("background", "false_alarm", "")
    assert float(face["iou"]) == pytest.approx(LEFT.iou(NEAR_LEFT), abs=1e-3)
    assert (face["detector_score"], alarm["detector_score"]) == ("0.9000", "0.8000")
    assert [float(face[key]) for key in ("x1", "y1", "x2", "y2")] == NEAR_LEFT.to_list()
    assert (face["margin"], face["picture"]) == ("0.1", "raw/one/a.png")
    wanted = cut_face(scene, NEAR_LEFT, 0.1)
    found = images.read(out / "with_mask/a_0.jpg")
    assert found.shape == wanted.shape
    assert abs(found.mean((0, 1)) - wanted.mean((0, 1))).max() < 3
    assert {sample.label for sample in dataset.load([out]).samples} == {"with_mask", "background"}


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        (LEFT, "detected"),
        (FAR, "false_alarm"),
        (Box(49, 10, 90, 60), "false_alarm"),  # next to a face
        (Box(30, 10, 70, 60), None),  # half of a face
        (Box(20, 20, 30, 30), None),  # an eye
        (Box(0, 0, 95, 100), None),  # a face and much around it
        (RIGHT, None),
        (Box(110, 30, 120, 40), None),
    ],
)
def test_what_touches_a_face_without_matching_is_neither(
    raw: Path, out: Path, box: Box, kind: str | None
) -> None:
    done = mine(raw, out, Finding(box))
    assert {row["kind"] for row in rows(out).values()} == ({kind} if kind else set())
    assert done.neither == (0 if kind else 2)
    assert done.missed == (0 if kind == "detected" else 2)


def test_a_second_find_of_a_face_is_neither(raw: Path, out: Path) -> None:
    done = mine(raw, out, Finding(LEFT, NEAR_LEFT))
    assert (done.found.total(), done.neither) == (2, 2)


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ([], 2),
        ([FAR], 0),
        ([Box(91, 90, 96, 95)], 0),  # in what the margin adds
        ([Box(0, 0, 60, 70), Box(110, 80, 130, 110)], 2),
    ],
)
def test_where_a_second_detector_sees_a_face_is_no_background(
    raw: Path, out: Path, seen: list[Box], left: int
) -> None:
    done = mine(raw, out, Finding(NEAR_LEFT, FAR), Finding(*seen))
    assert (done.false_alarms, done.seen, done.found.total()) == (left, 2 - left, 2)
    assert len(list(out.glob("background/*"))) == left


@pytest.mark.parametrize(
    ("manifest", "split"),
    [
        (None, None),
        ("file,group\none/a.png,street\n", None),
        ("file,group,split\none/a.png,street,val\ntwo/a.png,,train\n", {"val", "train"}),
    ],
)
def test_crops_stay_with_their_picture(
    raw: Path, out: Path, manifest: str | None, split: set[str] | None
) -> None:
    if manifest:
        (raw / "manifest.csv").write_text(manifest)
    mine(raw, out, Finding(NEAR_LEFT, FAR))
    of_picture = {sample.name: sample for sample in dataset.load([raw]).samples}
    crops = {
        sample.path.relative_to(out).as_posix(): sample for sample in dataset.load([out]).samples
    }
    assert len(crops) == 4
    for file, row in rows(out).items():
        origin = of_picture[row["picture"]]
        assert (crops[file].group, crops[file].split) == (origin.group, origin.split)
    assert {crop.split for crop in crops.values()} == (split or {None})


def test_a_folder_that_a_manifest_above_knows_is_refused(raw: Path, out: Path) -> None:
    (raw / "manifest.csv").write_text("file,split\none/a.png,test\n")
    with pytest.raises(InputError, match="groups and the split"):
        mine(raw / "one", out, Finding(LEFT))
    assert not out.exists()
    mine(raw / "two", out, Finding(LEFT))


def test_pictures_that_nobody_has_labelled_are_left_out(raw: Path, out: Path, scene: Bgr) -> None:
    images.write(raw / "bare.png", scene)
    label(raw / "two/a.png", VocObject(0, "with_mask", LEFT), proposal=True)
    done = mine(raw, out, Finding(LEFT, FAR))
    assert (done.unlabelled, done.proposals) == (1, 1)
    assert {row["picture"] for row in rows(out).values()} == {"raw/one/a.png"}


def test_an_empty_picture_and_labelled_background_give_false_alarms(raw: Path, out: Path) -> None:
    label(raw / "one/a.png")
    label(raw / "two/a.png", VocObject(0, "background", FAR))
    done = mine(raw, out, Finding(FAR))
    assert (done.false_alarms, done.found.total(), done.missed) == (2, 0, 0)
    assert {row["group"] for row in rows(out).values()} == {"raw/one/a.png", "raw/two/a.png"}


def test_what_is_broken_is_listed_and_the_rest_is_done(raw: Path, out: Path) -> None:
    picture, boxes = raw / "broken.png", raw / "two/a.xml"
    picture.write_bytes((raw / "one/a.png").read_bytes()[:100])
    label(picture, VocObject(0, "with_mask", LEFT))
    # A face is where its broken box does not say.
    text = boxes.read_text().replace("<xmin>100</xmin>", "<xmin>150</xmin>")
    boxes.write_text(text)
    done = mine(raw, out, Finding(LEFT, FAR))
    assert len(done.problems) == 2
    assert str(picture) in done.problems[0]
    assert "object 1" in done.problems[1]
    assert (done.found.total(), done.false_alarms) == (2, 1)


def test_a_run_that_fails_leaves_nothing(raw: Path, out: Path) -> None:
    class Failing(Finding):
        def detect(self, image: Bgr) -> list[Face]:
            raise KeyboardInterrupt

    before = set(raw.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        mine(raw, out, Failing())
    assert set(raw.parent.iterdir()) == before


def test_the_working_directory_is_filled(
    raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.mkdir()
    monkeypatch.chdir(out)
    mine(raw, Path(), Finding(LEFT))
    assert (out / "manifest.csv").is_file()


def test_only_an_empty_folder_is_filled(raw: Path, out: Path) -> None:
    out.mkdir()
    mine(raw, out, Finding(LEFT))
    with pytest.raises(OutputError, match="there already"):
        mine(raw, out, Finding(LEFT))
    with pytest.raises(InputError, match="lies in"):
        mine(raw, raw / "mined", Finding(LEFT))
    with pytest.raises(InputError, match="not a folder"):
        mine(raw / "none", out.with_name("other"), Finding(LEFT))
