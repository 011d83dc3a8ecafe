from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet import faces, images
from maskdet.detect.pipeline import load_pipeline
from maskdet.errors import InputError
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.labels import dataset, voc
from maskdet.labels.propose import Proposed, propose


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return faces.create("ssd")


@pytest.fixture
def root(tmp_path: Path, astronaut: Bgr) -> Path:
    """A portrait in a class folder, and a wall."""
    folder = tmp_path / "raw"
    (folder / "no mask/street").mkdir(parents=True)
    images.write(folder / "no mask/street/a.jpg", astronaut)
    images.write(folder / "no mask/wall.png", np.full((80, 120, 3), 128, np.uint8))
    return folder


def read(path: Path) -> voc.VocFile:
    return voc.read(path.with_suffix(".xml"), *images.size(path))


def test_a_face_is_proposed_with_the_class_of_its_folder(
    root: Path, detector: FaceDetector
) -> None:
    assert propose(root, detector) == Proposed(pictures=2, faces=1, faceless=1)
    file = read(root / "no mask/street/a.jpg")
    (found,) = file.objects
    assert found.label == "without_mask"
    assert found.box.iou(ASTRONAUT_FACE) > 0.5
    assert file.proposal
    assert read(root / "no mask/wall.png") == voc.VocFile((), (), proposal=True)
    assert [sample.label for sample in dataset.load([root]).samples] == ["without_mask"]


def test_the_folder_where_we_are_names_the_class(
    root: Path, detector: FaceDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "no mask/street")
    assert propose(Path(".."), detector) == Proposed(pictures=2, faces=1, faceless=1)


def test_a_class_that_is_given_comes_first(root: Path, detector: FaceDetector) -> None:
    propose(root, detector, "mask_worn_incorrectly")
    (found,) = read(root / "no mask/street/a.jpg").objects
    assert found.label == "mask_worn_incorrectly"


@pytest.mark.parametrize(
    ("bias", "labels"), [([4, 0, 0, 0], ["with_mask"]), ([0, 0, 0, 4], [])], ids=["mask", "none"]
)
def test_a_model_may_say_the_class_and_that_there_is_no_face(
    root: Path,
    make_model: Callable[..., Path],
    tmp_path: Path,
    bias: list[float],
    labels: list[str],
) -> None:
    classes = ("with_mask", "without_mask", "mask_worn_incorrectly", "background")
    pipeline = load_pipeline(make_model(tmp_path / "model", classes, bias=bias))
    done = propose(root, pipeline.detector, classify=pipeline)
    assert (done.faces, done.faceless) == (len(labels), 2 - len(labels))
    assert [item.label for item in read(root / "no mask/street/a.jpg").objects] == labels


def test_what_a_person_has_changed_stays_unless_forced(root: Path, detector: FaceDetector) -> None:
    propose(root, detector)
    touched, untouched = root / "no mask/street/a.xml", root / "no mask/wall.xml"
    edited = touched.read_text().replace("without_mask", "with_mask")
    touched.write_text(edited)
    untouched.write_text(untouched.read_text().replace("120", "121"))
    done = propose(root, detector)
    assert (done.pictures, done.kept) == (1, 1)
    assert touched.read_text() == edited
    assert "121" not in untouched.read_text()
    assert propose(root, detector, force=True).pictures == 2
    assert "<name>without_mask" in touched.read_text()


def test_without_a_class_nothing_is_proposed_or_lost(
    root: Path, detector: FaceDetector, astronaut_jpg: Path
) -> None:
    for name in ("other/b.jpg", "other/c.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(astronaut_jpg.read_bytes())
    voc.write(root / "other/c.xml", root / "other/c.jpg", 512, 512, [], proposal=True)
    done = propose(root, detector)
    assert (done.pictures, done.kept) == (2, 1)
    (problem,) = done.problems
    assert problem.startswith(f"{root / 'other'}: 1 pictures, and no folder is named after")
    assert "--class" in problem
    assert not (root / "other/b.xml").exists()


@pytest.mark.parametrize(("start", "annotations"), [("", "annotations"), ("images", "Annotations")])
def test_labels_in_a_folder_beside_are_told_and_no_proposal_hides_them(
    tmp_path: Path, detector: FaceDetector, astronaut: Bgr, start: str, annotations: str
) -> None:
    pictures = [tmp_path / "set/images" / name for name in ("a.png", "b.png")]
    for path in (*pictures, tmp_path / "set" / annotations / "a.xml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, astronaut) if path in pictures else path.write_text("<annotation/>")
    done = propose(tmp_path / "set" / start, detector, "with_mask")
    assert done.pictures == 1
    (problem,) = done.problems
    assert problem.startswith(f"{tmp_path / 'set' / annotations} holds VOC files for 1 pictures")
    assert "maskdet convert SET TARGET --to voc" in problem
    assert not pictures[0].with_suffix(".xml").exists()
    assert propose(tmp_path / "set" / start, detector, "with_mask", force=True).pictures == 2


@pytest.mark.parametrize("force", [False, True])
def test_what_is_broken_does_not_stop_the_rest(
    root: Path, detector: FaceDetector, force: bool
) -> None:
    folder = root / "no mask"
    (folder / "b.jpg").write_bytes(b"no picture")
    images.write(folder / "c.jpg", np.zeros((9, 9, 3), np.uint8))
    (folder / "c.xml").write_text("<xmpmeta/>")  # of a program that knows nothing of labels
    images.write(folder / "wall.jpg", np.zeros((9, 9, 3), np.uint8))
    done = propose(root, detector, force=force)
    assert done.pictures == 2
    assert [problem.split(str(folder))[1].split()[0] for problem in done.problems] == [
        "/wall.png",  # would share its file with wall.jpg
        "/b.jpg",
        "/c.xml",
    ]
    assert (folder / "c.xml").read_text() == "<xmpmeta/>"


def test_a_folder_that_is_none(tmp_path: Path, detector: FaceDetector) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        propose(tmp_path / "none", detector)


@pytest.mark.corpus
def test_proposals_beside_the_truth(corpus: Path, tmp_path: Path, detector: FaceDetector) -> None:
    root = tmp_path / "with_mask"
    root.mkdir()
    pictures = sorted((corpus / "train_pool/scenes").glob("ilc_*.jpg"))[:25]
    for picture in pictures:
        (root / picture.name).write_bytes(picture.read_bytes())
    done = propose(root, detector)
    assert (done.pictures, done.problems) == (25, [])
    proposed = matched = 0
    for picture in pictures:
        truth = voc.read(picture.with_suffix(".xml"), *images.size(picture)).objects
        for item in read(root / picture.name).objects:
            proposed += 1
            matched += any(item.box.iou(true.box) > 0.4 for true in truth)
    # The detector's own weakness is in what it misses, hardly in what it finds.
    assert proposed >= 10
    assert matched / proposed > 0.7
