"""Writing the crops of many pictures, on all cores."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2

from maskdet import files, images, processes
from maskdet.errors import InputError, OutputError
from maskdet.faces.crop import cut_face
from maskdet.images import Bgr
from maskdet.progress import SILENT, Progress
from maskdet.types import Box

QUALITY = 95

WORTH_PROCESSES = 100
"""Pictures from which on cutting is worth the start of processes. Threads of one process wait
for each other whenever a large picture's memory is taken from the system or given back."""


# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def cut(
    boxes: Mapping[Path, Mapping[str, Box]],
    faces: Path,
    margin: float,
    workers: int,
    progress: Progress = SILENT,
) -> tuple[set[str], list[str]]:
    """Write the crops of many pictures, each of which is read once.

    Args:
        boxes: for each picture, the file of every crop (below ``faces``) and its box.
        faces: an existing folder.
        margin: as in ``faces.crop.crop_faces``.
        workers: how many pictures are read at once.
        progress: makes the bar.

    Returns:
        The crops that could not be made, and in words why.

    Raises:
        OutputError: a folder cannot be made.
    """
    for folder in {(faces / file).parent for crops in boxes.values() for file in crops}:
        files.make_folder(folder)
    many = len(boxes) >= WORTH_PROCESSES
    pool = processes.pool(workers, _settle_in) if many else ThreadPoolExecutor(workers)
    failed: set[str] = set()
    problems = []
    with pool:
        done = pool.map(partial(_cut_picture, faces, margin), boxes.items(), chunksize=4)
        for names, problem in progress(done, total=len(boxes), desc="crops", unit="picture"):
            failed.update(names)
            problems += [problem] if problem else []
    return failed, problems


def _settle_in() -> None:
    """Prepare a process that reads one picture after the other."""
    cv2.setNumThreads(1)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # glibc's
            # Each picture's memory would else go back to the system and be asked for anew: page
            # by page, which takes about as long as decoding.
            for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
                libc.mallopt(option, 2**28)


def _cut_picture(
    faces: Path, margin: float, item: tuple[Path, Mapping[str, Box]]
) -> tuple[list[str], str]:
    """Write the crops of one picture; return those that could not be made, and why."""
    picture, boxes = item
    left = list(boxes)
    try:
        image = images.read(picture)
        while left:
            write_crop(faces / left[0], image, boxes[left[0]], margin)
            left.pop(0)
    except (InputError, OutputError) as error:
        return left, str(error)
    return left, ""


def write_crop(path: Path, image: Bgr, box: Box, margin: float) -> None:
    """Write one crop.

    Args:
        path: a JPEG file's, in a folder that exists.
        image, box, margin: as in ``faces.crop.cut_face``.

    Raises:
        OutputError: it cannot be written.
    """
    images.write(path, cut_face(image, box, margin), QUALITY)


def remove_empty(removed: Iterable[Path]) -> None:
    """Remove class folders that have lost their last crop: training refuses empty ones."""
    for folder in {path.parent for path in removed}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
