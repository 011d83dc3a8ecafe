from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet import images
from maskdet.errors import InputError
from maskdet.faces import yunet
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.manifest import Manifest
from maskdet.labels.voc import VocObject
from maskdet.train.detector import workers
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.prepare import Scenes, collect, prepare
from maskdet.train.detector.sequence import Crops, chances
from maskdet.train.detector.targets import places
from maskdet.types import Box

OPTIONS = DetectorOptions(crop_size=96, image_size=96, batch_size=4, validation=0.3)
FACE = Box(20, 20, 60, 70)


def write(
    folder: Path, name: str, *objects: tuple[str, Box, bool], image: Bgr | None = None
) -> Path:
    """Write a picture, unlike any other, with its VOC file."""
    folder.mkdir(parents=True, exist_ok=True)
    if image is None:
        random = np.random.default_rng(len(list(folder.iterdir())))
        small = random.integers(0, 256, (12, 16, 3), np.uint8)
        image = np.kron(small, np.ones((10, 10, 1), np.uint8))
    height, width = image.shape[:2]
    images.write(folder / name, image)
    faces = [VocObject(number, *said) for number, said in enumerate(objects)]
    voc.write((folder / name).with_suffix(".xml"), name, width, height, faces)
    return folder / name


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photographs with masks, six without, one without a face, one that nobody can judge."""
    root = tmp_path / "photos"
    for number in range(6):
        write(root, f"a{number}.png", ("with_mask", FACE, False))
        write(root, f"b{number}.png", ("without_mask", FACE, False))
    write(root, "empty.png")
    write(root, "vague.png", ("with_mask", FACE, True))
    return root


def prepared(root: Path, options: DetectorOptions = OPTIONS) -> Scenes:
    return prepare(*collect([root], options), options)


def test_photographs_are_split_and_the_rest_serves_training(photos: Path) -> None:
    write(photos, "odd.png", ("background", FACE, False), ("with_mask", Box(80, 10, 130, 60), True))
    (photos / "broken.png").write_bytes(b"no picture")
    (photos / "with_mask").mkdir()
    images.write(photos / "with_mask" / "crop.png", np.zeros((9, 9, 3), np.uint8))
    scenes = prepared(photos)
    assert scenes.classes == ("with_mask", "without_mask")
    assert not (scenes.training & scenes.validation).any()
    assert {photo.name for photo in scenes.part(scenes.training)} >= {
        "photos/empty.png",
        "photos/vague.png",
        "photos/odd.png",
    }
    for part in (scenes.training, scenes.validation):
        assert min(scenes.counts(part).values()) >= 1
    (vague,) = (photo for photo in scenes.photos if photo.name.endswith("vague.png"))
    assert (vague.clear, vague.ignored) == ([], [FACE])
    (odd,) = (photo for photo in scenes.photos if photo.name.endswith("odd.png"))
    assert len(odd.faces) == 1
    assert any("broken.png" in problem for problem in scenes.problems)
    assert any("no boxes" in problem for problem in scenes.problems)


def test_near_duplicates_stay_together_and_parts_are_kept(photos: Path) -> None:
    for name in ("a0", "b0"):
        write(
            photos,
            f"{name}_copy.jpg",
            ("with_mask" if name == "a0" else "without_mask", FACE, False),
            image=images.read(photos / f"{name}.png"),
        )
    scenes = prepared(photos)
    by_name = {photo.name.rpartition("/")[2]: place for place, photo in enumerate(scenes.photos)}
    for name in ("a0", "b0"):
        one, other = by_name[f"{name}.png"], by_name[f"{name}_copy.jpg"]
        assert scenes.cluster[one] == scenes.cluster[other]
        assert scenes.validation[one] == scenes.validation[other]
    rows = [f"{photo.name.partition('/')[2]},train" for photo in scenes.photos]
    rows[:4] = [row.replace("train", "val") for row in rows[:4]]  # a0 to a2
    rows = [row.replace("train", "val") if row.startswith("b5") else row for row in rows]
    rows = [row.replace("train", "test") if row.startswith("b4") else row for row in rows]
    (photos / "manifest.csv").write_text("\n".join(["file,split", *rows]))
    again = prepared(photos)
    held = {photo.name.partition("/")[2] for photo in again.part(again.validation)}
    assert held == {"a0.png", "a0_copy.jpg", "a1.png", "a2.png", "b5.png"}
    assert not any("b4" in photo.name for photo in again.photos)
    assert again.fingerprint != scenes.fingerprint


@pytest.mark.parametrize(
    "labels",
    [
        [("with_mask", FACE, True)],
        [("without_mask", FACE, False)],
        [("with_mask", FACE, False), ("background", Box(1, 1, 9, 9), False)],
    ],
)
def test_the_fingerprint_is_of_the_labels_too(
    photos: Path, labels: list[tuple[str, Box, bool]]
) -> None:
    before = prepared(photos).fingerprint
    assert prepared(photos).fingerprint == before
    write(photos, "a0.png", *labels, image=images.read(photos / "a0.png"))
    assert prepared(photos).fingerprint != before


def give_parts(root: Path, **parts: str) -> None:
    """Put every photograph in the part ``train``, some of them in others."""
    manifest = Manifest(root)
    for path in sorted(root.glob("*.png")):
        manifest.set(path.name, {"split": parts.get(path.stem, "train")})
    manifest.write()


def test_what_is_in_the_part_val_is_never_trained_on(photos: Path) -> None:
    give_parts(photos, a0="val", b0="val", empty="val", vague="val")
    scenes = prepared(photos)
    held = {photo.name.rpartition("/")[2] for photo in scenes.part(scenes.validation)}
    assert held == {"a0.png", "b0.png", "empty.png", "vague.png"}
    assert not (scenes.training & scenes.validation).any()
    assert scenes.training.sum() == 10


@pytest.mark.parametrize("name", ["empty", "vague", "denied"])
def test_a_photograph_without_a_face_needs_a_part_as_the_others_do(photos: Path, name: str) -> None:
    write(photos, "denied.png", ("background", FACE, False))
    give_parts(photos, a0="val", b0="val", **{name: ""})
    with pytest.raises(InputError, match=f"1 pictures are in none .* first photos/{name}.png"):
        collect([photos], OPTIONS)


def test_a_limit_is_shared_out_over_the_classes(photos: Path) -> None:
    found, _ = collect([photos], DetectorOptions(limit=6, validation=0.3))
    labels = [face.label for photo in found for face in photo.clear]
    assert len(found) == 6
    assert min(labels.count("with_mask"), labels.count("without_mask")) >= 2


def test_what_a_limit_leaves_holds_own_photographs_of_each_class(photos: Path) -> None:
    more = photos.parent / "more"
    for number in range(20):
        write(more, f"c{number}.png", ("with_mask", FACE, False), ("without_mask", FACE, False))
    for seed in range(5):
        chosen = replace(OPTIONS, limit=16, seed=seed)
        found, _ = collect([photos], chosen, [more])
        assert any(photo.extra for photo in found)
        assert {face.label for photo in found if not photo.extra for face in photo.clear} == {
            "with_mask",
            "without_mask",
        }


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_limit_does_not_depend_on_the_order_of_a_set(photos: Path, hash_seed: str) -> None:
    for number in range(8):
        write(photos, f"d{number}.png", ("without_mask", FACE, False), ("with_mask", FACE, False))
    code = (
        "import sys; from pathlib import Path\n"
        "from maskdet.train.detector.options import DetectorOptions\n"
        "from maskdet.train.detector.prepare import collect\n"
        "found, _ = collect([Path(sys.argv[1])], DetectorOptions(limit=9, validation=0.3))\n"
        "print(*(photo.path.name for photo in found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(photos)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    expected, _ = collect([photos], DetectorOptions(limit=9, validation=0.3))
    assert done.stdout.split() == [photo.path.name for photo in expected]


def test_what_has_no_boxes_cannot_be_trained_on(tmp_path: Path) -> None:
    for label in ("with_mask", "without_mask"):
        (tmp_path / label).mkdir()
        images.write(tmp_path / label / "a.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(InputError, match="no photograph with boxes"):
        collect([tmp_path], OPTIONS)
    write(tmp_path / "one", "a.png", ("with_mask", FACE, False))
    write(tmp_path / "one", "b.png", ("with_mask", FACE, False))
    with pytest.raises(InputError, match="only one class"):
        collect([tmp_path / "one"], OPTIONS)


@pytest.mark.corpus
def test_a_face_that_nobody_labelled_is_ignored(photos: Path, astronaut: Bgr, corpus: Path) -> None:
    elsewhere = Box(5, 300, 60, 360)
    write(photos, "astronaut.png", ("with_mask", elsewhere, False), image=astronaut)
    mirrored = Box(512 - ASTRONAUT_FACE.x2, ASTRONAUT_FACE.y1, 512 - ASTRONAUT_FACE.x1, 200)
    write(photos, "labelled.png", ("without_mask", mirrored, False), image=astronaut[:, ::-1])
    write(photos, "denied.png", ("background", ASTRONAUT_FACE, False), image=astronaut)
    model = corpus.parent / "weights" / yunet.MODEL
    scenes = prepared(photos, replace(OPTIONS, ignore_model=str(model)))
    found = {photo.name.rpartition("/")[2]: photo.unlabelled for photo in scenes.photos}
    assert len(found["astronaut.png"]) == 1
    assert found["astronaut.png"][0].iou(ASTRONAUT_FACE) > 0.5
    assert found["a0.png"] == found["labelled.png"] == found["denied.png"] == ()


def test_the_rare_class_is_drawn_more_often(photos: Path) -> None:
    for number in range(6):
        write(photos, f"c{number}.png", ("with_mask", FACE, False), ("with_mask", FACE, False))
    found, _ = collect([photos], OPTIONS)
    for power, share in ((0.0, 6 / 24), (1.0, 0.5)):
        choices, odds = chances(found, power)
        rare = [
            number
            for number, (photo, face) in enumerate(choices)
            if face >= 0 and found[photo].clear[face].label == "without_mask"
        ]
        bare = odds[[number for number, (_, face) in enumerate(choices) if face < 0]].sum()
        assert 0 < bare <= 0.1 + 1e-9
        assert odds[rare].sum() == pytest.approx(share * (1 - bare))
        assert odds.sum() == pytest.approx(1)


@pytest.mark.train
def test_batches_depend_on_nothing_but_seed_epoch_and_number(photos: Path) -> None:
    found, _ = collect([photos], OPTIONS)
    classes = ("with_mask", "without_mask")
    with workers.start(found, classes, OPTIONS, 2) as pool:
        crops = Crops(pool, found, 15, 96, 0.5, 4, seed=3)
        assert len(crops) == 4
        first = [crops[number] for number in range(4)]
        # Every fourth batch has half as many crops, larger ones.
        assert [images.shape[:3] for images, _ in first] == [
            (2, 128, 128),
            *[(4, 96, 96)] * 2,
            (3, 96, 96),
        ]
        assert first[0][1].shape == (2, len(places(128, 128)), 2 + 6)
        pictures, targets = first[1]
        assert pictures.shape == (4, 96, 96, 3)
        assert pictures.dtype == np.uint8
        assert targets.shape == (4, len(places(96, 96)), 2 + 6)
        assert targets[..., 6].sum() > 0
        alone = Crops(pool, found, 4, 96, 0.5, 4, seed=3)
        assert alone[0][0].shape == (4, 96, 96, 3)
        crops.on_epoch_end()
        second = [crops[number] for number in range(4)]
        assert not np.array_equal(first[0][0], second[0][0])
        resumed = Crops(pool, found, 15, 96, 0.5, 4, seed=3, epoch=1)
        for number in (2, 0, 3, 1):
            for got, expected in zip(resumed[number], second[number], strict=True):
                assert np.array_equal(got, expected)
