from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conftest import ROOT
from pictures import half, jpeg, masked, photo

from maskdet import images
from maskdet.dedup.find import Found, Options, find, find_leaks
from maskdet.dedup.match import Match
from maskdet.images import Bgr

DEFAULT = Options()


@pytest.fixture
def folder(tmp_path: Path, astronaut: Bgr) -> Path:
    """Two photographs with copies of every kind, and look-alikes."""
    coffee = photo("coffee")
    for name, image in {
        "a.png": astronaut,
        "a-small.jpg": jpeg(half(astronaut), 60),
        "a-cut.png": astronaut[40:450, 60:470],
        "a-flipped.png": astronaut[:, ::-1],
        "a-masked.png": masked(astronaut),
        "b.png": coffee,
        "b-small.jpg": half(coffee),
        "c.png": photo("chelsea"),
    }.items():
        images.write(tmp_path / name, np.ascontiguousarray(image))
    (tmp_path / "a-same.png").write_bytes((tmp_path / "a.png").read_bytes())
    return tmp_path


def run(folder: Path, options: Options = DEFAULT, labels: dict[str, str] | None = None) -> Found:
    paths = sorted(str(path) for path in folder.iterdir())
    return find(paths, [(labels or {}).get(Path(path).name) for path in paths], options)


def names(matches: Sequence[Match]) -> set[tuple[str, str, str]]:
    return {(match.kind, Path(match.path).name, Path(match.kept).name) for match in matches}


FOUND = {
    ("exact", "a-same.png", "a.png"),
    ("near", "a-small.jpg", "a.png"),
    ("crop", "a-cut.png", "a.png"),
    ("near", "b-small.jpg", "b.png"),
}


@pytest.mark.parametrize("mirror", [False, True])
def test_copies_are_found_and_look_alikes_are_not(folder: Path, mirror: bool) -> None:
    found = run(folder, Options(mirror=mirror))
    flipped = {("mirrored", "a-flipped.png", "a.png")} if mirror else set()
    assert names(found.duplicates) == FOUND | flipped
    assert found.pictures == 9
    assert found.conflicts == found.problems == []
    for match in found.duplicates:
        assert match.similarity is not None
        assert match.similarity > 0.8
        assert match.to_dict()["kind"] == match.kind


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            Options(verify=False),
            {("near", "a-small.jpg", "a.png"), ("near", "b-small.jpg", "b.png")},
        ),
        (Options(verify=False, kind="dhash", size=16, distance=30, mirror=True), None),
    ],
)
def test_without_verifying_the_hash_decides(
    folder: Path, options: Options, expected: set[tuple[str, str, str]] | None
) -> None:
    found = run(folder, options)
    expected = expected or {
        ("near", "a-small.jpg", "a.png"),
        ("near", "b-small.jpg", "b.png"),
        ("mirrored", "a-flipped.png", "a.png"),
    }
    assert names(found.duplicates) - {("near", "a-masked.png", "a.png")} == expected | {
        ("exact", "a-same.png", "a.png")
    }
    assert all(match.similarity is None for match in found.duplicates)


@pytest.mark.parametrize(
    ("kind", "size", "verify", "distance", "bits"),
    [("phash", 8, True, None, 10), ("phash", 16, True, None, 40), ("phash", 8, False, None, 2),
     ("phash", 8, True, 0, 0)],
)  # fmt: skip
def test_distances_grow_with_the_hash(
    kind: str, size: int, verify: bool, distance: int | None, bits: int
) -> None:
    assert Options(kind, size, distance, verify).bits == bits


def test_the_same_under_two_classes_is_a_conflict(folder: Path) -> None:
    labels = {"a.png": "with_mask", "a-same.png": "without_mask", "a-cut.png": "without_mask"}
    found = run(folder, labels=labels)
    assert names(found.conflicts) == {("exact", "a-same.png", "a.png")}
    # What has no class goes for the best one, and what has one for the best of its class.
    assert names(found.duplicates) == {
        ("near", "a-small.jpg", "a.png"),
        ("crop", "a-cut.png", "a-same.png"),
        ("near", "b-small.jpg", "b.png"),
    }


def test_broken_pictures_are_problems_and_the_rest_is_done(folder: Path) -> None:
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:5000])
    (folder / "empty.jpg").touch()
    found = run(folder)
    assert names(found.duplicates) == FOUND
    assert [text.split("/")[-1].split(" is ")[0] for text in found.problems] == [
        "broken.png",
        "empty.jpg",
    ]


def test_leaks_are_pictures_that_the_other_set_has_whatever_their_size(
    folder: Path, tmp_path: Path, astronaut: Bgr
) -> None:
    other = tmp_path / "test"
    other.mkdir()
    images.write(other / "t.jpg", half(half(astronaut)))
    ours = sorted(str(path) for path in folder.glob("*.*"))
    found = find_leaks(ours, [str(other / "t.jpg")], Options(mirror=True))
    assert names(found.duplicates) == {
        ("near", "a.png", "t.jpg"),
        ("near", "a-same.png", "t.jpg"),
        ("near", "a-small.jpg", "t.jpg"),
        ("crop", "a-cut.png", "t.jpg"),
        ("mirrored", "a-flipped.png", "t.jpg"),
    }
    assert found.pictures == 9


def test_what_is_in_both_sets_stays_and_a_hard_link_is_a_leak(folder: Path, astronaut: Bgr) -> None:
    test = folder / "test"
    test.mkdir()
    images.write(test / "t.png", astronaut)
    images.write(test / "u.jpg", half(astronaut))
    (folder / "linked.png").hardlink_to(test / "t.png")
    against = sorted(map(str, test.iterdir()))
    ours = [str(folder / "linked.png"), str(folder / "b.png"), *against]
    found = find_leaks(ours, against)
    assert names(found.duplicates) == {("exact", "linked.png", "t.png")}
    assert found.pictures == 2


@pytest.mark.parametrize("verify", [False, True])
def test_many_blank_pictures_are_not_compared_with_each_other(tmp_path: Path, verify: bool) -> None:
    for number in range(60):
        blank = np.full((40, 40 + number, 3), 4 * number + 9, np.uint8)
        images.write(tmp_path / f"{number:02}.png", blank)
    found = run(tmp_path, Options(verify=verify, mirror=True))
    assert found.compared == 0
    assert len(found.duplicates) == (0 if verify else 59)
    against = sorted(map(str, tmp_path.glob("0*.png")))
    ours = sorted(map(str, tmp_path.glob("[1-9]*.png")))
    leaks = find_leaks(ours, against, Options(verify=verify, mirror=True))
    assert (leaks.compared, len(leaks.duplicates)) == (0, 0 if verify else 50)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_dedup

    return bench_dedup


@pytest.mark.corpus
def test_the_targets_are_reached(corpus: Path, bench: ModuleType) -> None:
    case = bench.read_case(corpus / "dedup_case")
    found = bench.by_maskdet(corpus / "dedup_case" / "images", Options())
    score = bench.score(case, bench.stays_for(found))
    assert [text for text, _, reached in score.targets() if not reached] == []


def test_the_score_counts_what_is_right_and_wrong(bench: ModuleType) -> None:
    files = list("abcdefgh")
    pairs = [("a", "b"), ("b", "c"), ("b", "d"), ("e", "f")]
    case = bench.Case(
        files,
        [("exact", ["a", "b"]), ("near", ["b", "c", "d"]), ("crop", ["e", "f"])],
        dict(zip(files, bench.components(files, pairs), strict=True)),
        [("g", "h")],
        {"e"},
    )
    score = bench.score(case, {"b": "a", "c": "a", "g": "h", "e": "a", "f": "a"})
    assert score.gone == {"exact": 1, "near": 2, "crop": 0}
    assert score.redundant == {"exact": 1, "near": 2, "crop": 1}
    assert (score.merged, score.lost) == (1, 1)
