from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.cli import EXTRAS
from maskdet.errors import InputError
from maskdet.labels.manifest import Manifest
from maskdet.train.options import TrainOptions
from maskdet.train.prepare import collect, load, prepare

OPTIONS = TrainOptions(image_size=32)
CLASSES = ("with_mask", "without_mask")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of five pictures: numbers 0 to 2 in train, 3 in val, 4 in test."""
    folder = tmp_path / "faces"
    random = np.random.default_rng(0)
    manifest = Manifest(folder)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for number in range(5):
            name = f"{label}/{number}.png"
            images.write(folder / name, random.integers(0, 256, (24, 24, 3), np.uint8))
            manifest.set(name, {"split": ("train", "train", "train", "val", "test")[number]})
    manifest.write()
    return folder


def assign(root: Path, **parts: str) -> None:
    manifest = Manifest(root)
    for number, part in parts.items():
        for label in CLASSES:
            manifest.set(f"{label}/{number[1:]}.png", {"split": part})
    manifest.write()


def subsets(
    root: Path, options: TrainOptions = OPTIONS, extra: Sequence[Path] = ()
) -> dict[str, str]:
    work = root.parent / "work"
    work.mkdir(exist_ok=True)
    prepared = prepare(collect([root], options, extra), work, options)
    held = np.select([prepared.validation, prepared.training], ["validation", "training"], "")
    names = [sample.name for sample in prepared.faces.samples]
    return dict(zip(names, held.tolist(), strict=True))


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_the_parts_of_the_manifest_are_kept(root: Path, fraction: float) -> None:
    expected = {
        f"faces/{label}/{number}.png": "validation" if number == 3 else "training"
        for label in CLASSES
        for number in range(4)
    }
    assert subsets(root, replace(OPTIONS, validation=fraction)) == expected


def test_without_a_part_val_some_of_train_is_chosen_and_test_is_never_used(root: Path) -> None:
    assign(root, n3="train")
    found = subsets(root)
    assert set(found.values()) == {"training", "validation"}
    assert not [name for name in found if name.endswith("4.png")]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"n1": ""}, "2 pictures are in none of the parts .* first faces/with_mask/1.png"),
        ({"n1": "spare"}, "the split of with(out)?_mask/1.png is 'spare'"),
        ({"n0": "val", "n1": "val", "n2": "val"}, "with_mask has no face in the part train"),
        (dict.fromkeys(("n0", "n1", "n2", "n3"), "test"), "with_mask .* in the part test"),
    ],
)
def test_parts_that_cannot_be_trained_on(root: Path, parts: dict[str, str], message: str) -> None:
    assign(root, **parts)
    with pytest.raises(InputError, match=message):
        collect([root], OPTIONS)


def test_of_a_few_faces_some_are_in_each_part(root: Path) -> None:
    for seed in range(10):
        few = collect([root], replace(OPTIONS, limit=4, seed=seed)).samples
        assert {(sample.label, sample.split) for sample in few} == {
            (label, part) for label in CLASSES for part in ("train", "val")
        }


def test_near_duplicates_between_the_parts_are_told(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "with_mask/3.png").write_bytes((root / "with_mask/0.png").read_bytes())
    with caplog.at_level(logging.WARNING):
        subsets(root)
    assert "1 training faces share a group or near-duplicates with the validation" in caplog.text


def test_extra_faces_are_for_training_alone_and_never_like_a_validation_face(root: Path) -> None:
    more = root.parent / "more"
    manifest = Manifest(more)
    for label, number, group in (
        ("with_mask", 0, "faces/with_mask/0.png"),
        ("with_mask", 1, "faces/with_mask/3.png"),  # its origin is in the validation part
        ("without_mask", 2, ""),
    ):
        name = f"{label}/new{number}.png"
        picture = np.random.default_rng(9 + number).integers(0, 256, (24, 24, 3), np.uint8)
        (more / label).mkdir(parents=True, exist_ok=True)
        images.write(more / name, picture)
        manifest.set(name, {"group": group, "split": "val"})
    # The same picture as one in the validation part, and nothing else that says so.
    (more / "without_mask/copy.png").write_bytes((root / "without_mask/3.png").read_bytes())
    manifest.write()
    plain = subsets(root)
    found = subsets(root, extra=[more])
    assert {name: part for name, part in found.items() if name.startswith("faces/")} == plain
    assert {name: part for name, part in found.items() if name.startswith("more/")} == {
        "more/with_mask/new0.png": "training",
        "more/with_mask/new1.png": "",
        "more/without_mask/new2.png": "training",
        "more/without_mask/copy.png": "",
    }


def test_a_class_of_extra_faces_alone_is_refused(root: Path) -> None:
    more = root.parent / "more"
    (more / "background").mkdir(parents=True)
    images.write(more / "background/a.png", np.zeros((24, 24, 3), np.uint8))
    with pytest.raises(InputError, match="class background is among the extra faces alone"):
        collect([root], OPTIONS, [more])


def test_the_fingerprint_follows_the_parts(root: Path) -> None:
    prints = []
    for parts in ({}, {"n0": "val", "n3": "train"}):
        assign(root, **parts)
        work = root.parent / f"work{len(prints)}"
        work.mkdir()
        prints.append(prepare(collect([root], OPTIONS), work, OPTIONS).faces.fingerprint())
    assert prints[0] != prints[1]


def test_patterns_that_leave_nothing_out_are_told(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "more" / "with_mask").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        shutil.copy(root / "with_mask" / "0.png", tmp_path / "more" / "with_mask" / name)
    exclude = ("split=test", "a.png", "spilt=test")
    load([root], [tmp_path / "more"], exclude)
    assert caplog.messages == ["patterns that leave nothing out: 1, first spilt=test"]


def test_only_choosing_a_validation_part_needs_scikit_learn(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    assert len(collect([root], OPTIONS).samples) == 8
    assign(root, n3="train")
    with pytest.raises(ModuleNotFoundError) as raised:
        collect([root], OPTIONS)
    assert EXTRAS[str(raised.value.name).partition(".")[0]] == "train"
