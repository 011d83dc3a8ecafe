"""How well ``maskdet dedup`` tells copies from look-alikes, beside others on the same files.

- pHash alone: imagehash's, all files within a distance of each other being one group
- imagededup: its own pHash, its own choice of what is to be removed
- maskdet, with and without ``--no-verify``

How fast it hashes and searches is what ``bench_hashing.py`` measures, which ``--speed`` runs.

Needs the image corpus (its folder ``dedup_case``; for ``--variants`` and ``--pool`` also
``train_pool``), and imagededup, where it is in nobody's way. Its package asks for torch, which
its hashes do not need: it is installed without, and its networks are not imported.

    .venv/bin/pip install --no-deps --target build/imagededup imagededup==0.3.3.post2
    .venv/bin/python scripts/bench_dedup.py
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
from dedup_variants import MASKS, VARIANTS, painted
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskdet import images, neighbours
from maskdet.classes import WITHOUT_MASK
from maskdet.dedup.find import Found, Options, find
from maskdet.labels import voc
from maskdet.layout import voc_path
from maskdet.types import Box

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("MASKDET_CORPUS") or ROOT / "../shared/data")
RIVAL = ROOT / "build" / "imagededup"
DISTANCES = (0, 2, 4, 6, 8, 10)
KINDS = ("exact", "near", "crop")
FACES = (
    ("8 to 12 % of the photograph's longer side", 0.08, 0.12),
    ("12 to 20 %", 0.12, 0.2),
    ("more", 0.2, 1.0),
)

Stays = dict[str, str]
"""For each file that goes, the one that stays."""


@dataclass(frozen=True)
class Case:
    """What is known of the files of ``dedup_case``.

    ``groups`` are duplicates of one kind, ``component`` has the number of a file's duplicates
    in the widest sense, ``look_alikes`` must both stay, ``ambiguous`` files are not scored.
    """

    files: list[str]
    groups: list[tuple[str, list[str]]]
    component: dict[str, int]
    look_alikes: list[tuple[str, str]]
    ambiguous: set[str]


@dataclass(frozen=True)
class Score:
    """Of each kind, how many files were redundant and how many of them went; look-alikes that
    were merged; other files that went for one that is no duplicate of theirs."""

    redundant: dict[str, int]
    gone: dict[str, int]
    merged: int
    lost: int

    def recall(self, kind: str) -> float:
        """Return the share of redundant files of a kind that went."""
        return self.gone[kind] / self.redundant[kind]

    def targets(self) -> Iterator[tuple[str, str, bool]]:
        """Yield what was to be reached, what was, and whether that is enough."""
        for kind, least in zip(KINDS, (1.0, 0.95, 0.6), strict=True):
            share = self.recall(kind)
            yield f"{kind}: at least {least:.0%} set aside", f"{share:.1%}", share >= least
        yield "look-alikes merged: at most 2", str(self.merged), self.merged <= 2
        yield "other files lost: none", str(self.lost), self.lost == 0


def read_case(folder: Path) -> Case:
    """Read the three tables of ``dedup_case``."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows(folder / "duplicate_groups.csv"):
        groups.setdefault((row["group"], row["kind"]), []).append(row["file"])
    files = sorted(path.name for path in (folder / "images").iterdir())
    pairs = [(members[0], other) for members in groups.values() for other in members]
    return Case(
        files,
        [(kind, members) for (_, kind), members in groups.items()],
        dict(zip(files, components(files, pairs), strict=True)),
        [(row["file_a"], row["file_b"]) for row in rows(folder / "not_duplicates.csv")],
        {row["file"] for row in rows(folder / "ambiguous.csv")},
    )


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def components(files: list[str], pairs: Iterable[tuple[str, str]]) -> list[int]:
    """Return for each file the number of what it is connected with."""
    place = {file: index for index, file in enumerate(files)}
    edges = np.array([(place[a], place[b]) for a, b in pairs], np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (len(files),) * 2)
    return connected_components(graph, directed=False)[1].tolist()


def score(case: Case, stays: Stays) -> Score:
    """Count what went rightly and wrongly."""

    def right(file: str) -> bool:
        return file in stays and case.component[file] == case.component[stays[file]]

    redundant, gone = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for kind, members in case.groups:
        redundant[kind] += len(members) - 1
        gone[kind] += min(len(members) - 1, sum(map(right, members)))
    alike = {pair for a, b in case.look_alikes for pair in ((a, b), (b, a))}
    lost = [
        file
        for file, kept in stays.items()
        if not right(file) and file not in case.ambiguous and (file, kept) not in alike
    ]
    merged = [1 for a, b in case.look_alikes if stays.get(a, a) == stays.get(b, b)]
    return Score(redundant, gone, len(merged), len(lost))


def by_maskdet(folder: Path, options: Options) -> Found:
    """Return what maskdet finds in a folder."""
    paths = sorted(map(str, folder.iterdir()))
    return find(paths, [None] * len(paths), options)


def stays_for(found: Found) -> Stays:
    """Return by file names what would be set aside."""
    return {Path(match.path).name: Path(match.kept).name for match in found.duplicates}


def by_phash(files: list[str], hashes: npt.NDArray[np.uint8], distance: int) -> Stays:
    """Return what goes where all files within a distance are one group: all but the first."""
    pairs = [(files[i], files[j]) for i, j in neighbours.near_pairs(hashes, distance)]
    first: dict[int, str] = {}
    stays = {}
    for file, number in zip(files, components(files, pairs), strict=True):
        if first.setdefault(number, file) != file:
            stays[file] = first[number]
    return stays


def phashes(folder: Path, files: list[str]) -> npt.NDArray[np.uint8]:
    """Return imagehash's pHash of each file, as its documentation has it."""
    bits = [imagehash.phash(Image.open(folder / file)).hash for file in files]
    return np.packbits(np.array(bits).reshape(len(files), -1), axis=1)


class Imagededup:
    """imagededup's pHash."""

    def __init__(self, installed: Path, folder: Path) -> None:
        """Import it and hash the files of a folder."""
        sys.path.insert(0, str(installed))
        # Two of its packages import its networks, and so torch, before anything else.
        for name in ("methods", "utils"):
            package = types.ModuleType(f"imagededup.{name}")
            package.__path__ = [str(installed / "imagededup" / name)]
            sys.modules[package.__name__] = package
        from imagededup.methods.hashing import PHash

        self._hasher = PHash(verbose=False)
        self._encodings = self._hasher.encode_images(str(folder))

    def stays_for(self, distance: int) -> Stays:
        """Return what its ``find_duplicates_to_remove`` removes, and for which file."""
        found = self._hasher.find_duplicates(
            encoding_map=self._encodings, max_distance_threshold=distance
        )
        removed = self._hasher.find_duplicates_to_remove(
            encoding_map=self._encodings, max_distance_threshold=distance
        )
        stays: Stays = {}
        for file, others in found.items():
            # As imagededup does it: a file that stays takes all of its own away.
            if file not in stays:
                stays |= {other: file for other in others if other not in stays}
        assert set(removed) == set(stays)
        return stays


def accuracy(corpus: Path, rival: Path) -> tuple[list[str], Score]:
    """Return a table of all contenders on ``dedup_case``, and maskdet's score."""
    folder = corpus / "dedup_case" / "images"
    case = read_case(corpus / "dedup_case")
    lines = [
        f"{len(case.files)} files of `dedup_case`; {', '.join(KINDS)}: redundant files set aside.",
        "",
        "| | exact | near | crop | look-alikes merged | others lost | time |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]

    def add(name: str, stays: Stays, seconds: float | None = None) -> Score:
        result = score(case, stays)
        cells = " | ".join(f"{100 * result.recall(kind):.0f} %" for kind in KINDS)
        took = "" if seconds is None else f"{seconds:.1f} s"
        merged = f"{result.merged} of {len(case.look_alikes)}"
        lines.append(f"| {name} | {cells} | {merged} | {result.lost} | {took} |")
        return result

    hashes = phashes(folder, case.files)
    for distance in DISTANCES:
        add(f"pHash alone, distance {distance}", by_phash(case.files, hashes, distance))
    imagededup = Imagededup(rival, folder)
    for distance in DISTANCES:
        add(f"imagededup's pHash, distance {distance}", imagededup.stays_for(distance))
    ours = {}
    for name, options in (
        ("`maskdet dedup --no-verify`", Options(verify=False)),
        ("`maskdet dedup`", Options()),
    ):
        start = time.perf_counter()
        found = by_maskdet(folder, options)
        ours[name] = add(name, stays_for(found), time.perf_counter() - start)
    return lines, ours["`maskdet dedup`"]


def variants(corpus: Path, count: int) -> list[str]:
    """Return a table of how many copies of photographs are found, by what was done to them."""
    scenes = sorted((corpus / "train_pool" / "scenes").glob("*.jpg"))
    chosen = random.Random(0).sample(scenes, count)
    lines = [
        f"{count} photographs of `train_pool/scenes`, each with one copy:",
        "",
        "| copy | found | another one set aside |",
        "| --- | ---: | ---: |",
    ]
    for name, change in VARIANTS.items():
        with tempfile.TemporaryDirectory() as place:
            for path in chosen:
                image = images.read(path)
                images.write(Path(place, f"{path.stem}.png"), image)
                images.write(Path(place, f"{path.stem}-copy.png"), change(image))
            found = stays_for(by_maskdet(Path(place), Options(mirror=name.endswith("--mirror"))))
        pairs = [(Path(a).stem.removesuffix("-copy"), Path(b).stem) for a, b in found.items()]
        right = sum(a == b.removesuffix("-copy") for a, b in pairs)
        lines.append(f"| {name} | {100 * right / count:.0f} % | {len(pairs) - right} |")
    return lines


def masks(corpus: Path, count: int) -> list[str]:
    """Return a table of how many photographs with a mask painted on pass for copies."""
    chosen: dict[str, list[tuple[Path, Box]]] = {name: [] for name, _, _ in FACES}
    for path in sorted((corpus / "train_pool" / "scenes").glob("*.jpg")):
        width, height = images.size(path)
        found = voc.read(voc_path(path), width, height).objects
        faces = [item.box for item in found if item.label == WITHOUT_MASK and not item.difficult]
        if faces:
            face = max(faces, key=lambda box: box.area)
            share = face.width / max(width, height)
            for name, least, most in FACES:
                if least <= share < most and len(chosen[name]) < count:
                    chosen[name].append((path, face))
    lines = [
        "Photographs, each with one of the same with a mask painted on its largest bare face:",
        "",
        "| width of the face | photographs | wrongly set aside |",
        "| --- | ---: | ---: |",
    ]
    for name, members in chosen.items():
        with tempfile.TemporaryDirectory() as place:
            for number, (path, face) in enumerate(members):
                image = images.read(path)
                images.write(Path(place, f"{path.stem}.png"), image)
                mask = painted(image, face, MASKS[number % len(MASKS)])
                images.write(Path(place, f"{path.stem}-masked.jpg"), mask, 80)
            gone = len(by_maskdet(Path(place), Options()).duplicates)
        lines.append(f"| {name} | {len(members)} | {gone} |")
    return lines


def pool(corpus: Path, count: int) -> list[str]:
    """Return what is merged among pictures that were collected without copies."""
    manifest = {row["file"]: row["group"] for row in rows(corpus / "train_pool/crops/manifest.csv")}
    folder = corpus / "train_pool" / "crops"
    paths = sorted(str(path) for path in folder.rglob("*.jpg"))
    paths = sorted(random.Random(0).sample(paths, min(count, len(paths))))
    start = time.perf_counter()
    found = find(paths, [None] * len(paths), Options())
    seconds = time.perf_counter() - start

    def group(path: str) -> str:
        inner = Path(path).relative_to(folder).as_posix()
        return manifest.get(inner) or manifest[f"crops/{inner}"]

    apart = [match for match in found.duplicates if group(match.path) != group(match.kept)]
    lines = [
        f"{len(paths)} faces of `train_pool/crops` in {seconds:.0f} s, {found.compared} pairs "
        f"compared: {len(found.duplicates)} set aside, {len(apart)} of them for one of another "
        "group (a group is one photograph, or one person's series):",
        "",
    ]
    for match in apart:
        names = (Path(path).relative_to(folder).as_posix() for path in (match.path, match.kept))
        lines.append(f"- {' = '.join(names)}: {match.reason}")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="where dedup_case lies")
    parser.add_argument("--rival", type=Path, default=RIVAL, help="where imagededup is installed")
    parser.add_argument(
        "--variants",
        type=int,
        default=0,
        metavar="N",
        help="also make copies of this many photographs and count those that are found, and as "
        "many with a mask painted on, which should not be",
    )
    parser.add_argument(
        "--pool",
        type=int,
        default=0,
        metavar="N",
        help="also look at this many faces that were collected without copies",
    )
    parser.add_argument(
        "--speed", action="store_true", help="also run bench_hashing.py, which takes minutes"
    )
    options = parser.parse_args()
    if not (options.rival / "imagededup").is_dir():
        parser.error(f"no imagededup in {options.rival}: see -h for how to install it")
    lines, ours = accuracy(options.corpus, options.rival)
    print("\n".join(lines))
    print("\n| target | measured | reached |\n| --- | ---: | --- |")
    for text, measured, reached in ours.targets():
        print(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    if options.variants:
        for table in (variants, masks):
            print("\n" + "\n".join(table(options.corpus, options.variants)))
    if options.pool:
        print("\n" + "\n".join(pool(options.corpus, options.pool)))
    if options.speed:
        print(flush=True)
        photos = options.corpus / "train_pool" / "scenes"
        script = Path(__file__).with_name("bench_hashing.py")
        subprocess.run([sys.executable, str(script), "--photos", str(photos)], check=True)


if __name__ == "__main__":
    main()
