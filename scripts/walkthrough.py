"""The whole way, from phrases to a model, through the commands that a user would type.

Bing's place is taken by ``local_bing.py``, with photographs of the image corpus
(``MASKDET_CORPUS``) for pictures, some of them a second time, scaled and encoded anew. At the
end every file of the data set must lead back to an address. ``scripts/walkthrough [FOLDER]``
sets up what this needs and runs it; the files go to FOLDER, which must be empty or new, or to a
folder that is removed at the end.

With --weights none and few pictures, the model that comes out is good for nothing.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

import cv2
from local_bing import LocalBing, Picture, Result

from maskdet import images
from maskdet.catalog import Catalog
from maskdet.catalog.origin import origin
from maskdet.errors import InputError
from maskdet.files import make_folder
from maskdet.labels import voc
from maskdet.layout import voc_path

PHRASES = {
    "people wearing face masks street": "with_mask",
    "crowd of people portrait": "without_mask",
    "face mask below nose": "mask_worn_incorrectly",
}
COPIES = 2
"""Pictures of each class that are found a second time, scaled and encoded anew."""

LEAST_FACE = 40
"""Shorter side in pixels of a photograph's largest face: the SSD misses smaller ones."""

LEAST_SIDE = 250
"""Shorter side of a photograph: its smaller copy must be large enough for maskdet crawl."""

MASKDET = Path(sysconfig.get_path("scripts")) / "maskdet"


def choose(scenes: Path, number: int) -> dict[str, list[Path]]:
    """Return photographs by the class of most of their faces, up to ``number`` of each."""
    chosen: dict[str, list[Path]] = {label: [] for label in PHRASES.values()}
    for path in sorted(scenes.glob("*.jpg")):
        width, height = images.size(path)
        faces = voc.read(voc_path(path), width, height).objects
        largest = max((min(face.box.width, face.box.height) for face in faces), default=0.0)
        if largest < LEAST_FACE or min(width, height) < LEAST_SIDE:
            continue
        ((label, _),) = Counter(face.label for face in faces).most_common(1)
        if len(chosen.get(label, [None] * number)) < number:
            chosen[label].append(path)
        if all(len(found) == number for found in chosen.values()):
            break
    return chosen


def copy_of(path: Path) -> bytes:
    """Return a picture as another site would have it: smaller, and encoded anew."""
    picture = cv2.resize(images.read(path), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def maskdet(folder: Path, *arguments: str) -> None:
    """Run a command in a folder, having shown it; end if it fails."""
    print(f"\n$ {shlex.join(['maskdet', *arguments])}", flush=True)
    done = subprocess.run([str(MASKDET), *arguments], cwd=folder, check=False)
    if done.returncode:
        sys.exit(f"walkthrough: maskdet {arguments[0]} ended with {done.returncode}")


def walk(folder: Path, bing: LocalBing, number: int, weights: str, epochs: int) -> None:
    """Type the commands of the way, one after the other."""
    # Our own server may be asked as often as one likes.
    server = ["--endpoint", bing.endpoint, "--allow-private", "--delay", "0"]
    for phrase, label in PHRASES.items():
        maskdet(folder, "crawl", phrase, "--class", label, "--max-num", str(number), *server)
    maskdet(folder, "dedup")
    maskdet(folder, "label")
    maskdet(folder, "split", "data/faces")
    # The smallest size of which there are ImageNet weights.
    size = "96" if weights == "imagenet" else "32"
    quick = ["--limit", "200", "--head-epochs", "1", "--epochs", str(epochs)]
    out = ["--out", "model/mine", "--weights", weights, "--image-size", size]
    maskdet(folder, "train", "data/faces", *out, *quick)
    picture = min((folder / "data/raw/with_mask").glob("*.jpg"))
    shown = ["--image", str(picture.relative_to(folder)), "--out", "annotated"]
    maskdet(folder, "detect", *shown, "--model", "model/mine")
    maskdet(folder, "catalog", "summary")
    crop = min((folder / "data/faces").glob("*/*.jpg"))
    maskdet(folder, "catalog", "where", str(crop.relative_to(folder)))


def check(data: Path) -> dict[str, int]:
    """Return how many pictures lie where, each of which leads back to an address.

    Ends with a message if one does not, or if nobody had anything to do.
    """
    counts = Counter[str]()
    with Catalog(data) as catalog:
        for path in images.find(data):
            try:
                found = origin(catalog, path)
            except InputError as error:
                sys.exit(f"walkthrough: {error}")
            if not found.addresses:
                sys.exit(f"walkthrough: {path} comes from no address")
            part = path.relative_to(data).parts[0]
            if (part == "faces") != (found.face is not None):
                sys.exit(f"walkthrough: {path} is taken for what it is not")
            counts[part] += 1
    if missing := {"raw", "duplicates", "faces"} - counts.keys():
        sys.exit(f"walkthrough: nothing lies in {', '.join(sorted(missing))}")
    return counts


def main() -> None:
    """Serve, walk, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where to [a temporary folder]")
    parser.add_argument("--pictures", type=int, default=20, help="for each class [20]")
    parser.add_argument("--weights", default="none", help="what 'maskdet train' takes [none]")
    parser.add_argument("--epochs", type=int, default=1, help="of fine-tuning [1]")
    given = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    corpus = Path(os.environ.get("MASKDET_CORPUS") or root / "../shared/data")
    scenes = corpus / "train_pool/scenes"
    if not scenes.is_dir():
        parser.error(f"there are no photographs in {scenes}: set MASKDET_CORPUS")
    if given.folder and given.folder.is_dir() and any(given.folder.iterdir()):
        parser.error(f"{given.folder} is not empty")

    chosen = choose(scenes, given.pictures)
    found: dict[str, list[Picture | Result]] = {
        phrase: [*chosen[label], *map(copy_of, chosen[label][:COPIES])]
        for phrase, label in PHRASES.items()
    }
    with tempfile.TemporaryDirectory() as temporary, LocalBing(found) as bing:
        folder = make_folder(given.folder or temporary)
        walk(folder, bing, given.pictures + COPIES, given.weights, given.epochs)
        counts = check(folder / "data")
    print(
        f"\n{counts['raw']} pictures, {counts['duplicates']} duplicates and {counts['faces']} "
        "crops: each leads back to an address."
    )


if __name__ == "__main__":
    main()
