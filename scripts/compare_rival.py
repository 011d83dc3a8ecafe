"""Lets face-mask-detector 0.2.3 from PyPI label photographs; ``compare.py`` starts it.

    compare_rival.py SCENES OUT [--detector NAME [--face-model FILE] [--face-size PX]]

Writes JSON Lines like those of ``maskdet detect --json``, down to a detector's score of 0.05. The
faces are those of its own detector, or those of one of maskdet's; they are cut out, prepared and
labelled by its own functions and network. Its own loop throws the detector's scores away, so that
its functions are called one by one here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from face_mask_detector import lib

from maskdet import faces, files, images
from maskdet.classes import WITH_MASK, WITHOUT_MASK
from maskdet.errors import InputError
from maskdet.images import Bgr
from maskdet.labels.ap import LEAST_SCORE
from maskdet.types import Box, Face, ImageResult, Prediction

Finder = Callable[[Bgr], list[Face]]


def own_faces(image: Bgr) -> list[Face]:
    """Find faces as the rival does."""
    height, width = image.shape[:2]
    found = []
    for row in lib.detect_faces_in_image(image)[0, 0]:
        x1, y1, x2, y2 = lib._get_box_dimensions(row[3:7], width, height)
        # Of an empty one its own code fails; so the whole picture would be lost.
        if row[2] >= LEAST_SCORE and x1 < x2 and y1 < y2:
            found.append(Face(Box(x1, y1, x2, y2), float(row[2])))
    return found


def label(image: Bgr, found: list[Face], model: Any) -> tuple[Prediction, ...]:
    """Say of faces what the rival's network says."""
    if not found:
        return ()
    corners = [[int(value) for value in face.box.to_list(6)] for face in found]
    batch = [lib._process_region_of_interest(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in corners]
    rows = model.predict(np.array(batch, "float32"), batch_size=32, verbose=0).tolist()
    return tuple(
        Prediction(
            face.box,
            face.score,
            WITH_MASK if mask > bare else WITHOUT_MASK,
            max(mask, bare),
            {WITH_MASK: mask, WITHOUT_MASK: bare},
        )
        for face, (mask, bare) in zip(found, rows, strict=True)
    )


def main() -> None:
    """Label every picture of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--detector", choices=faces.DETECTORS)
    parser.add_argument("--face-model", type=Path)
    parser.add_argument("--face-size", type=int)
    given = parser.parse_args()
    find: Finder = own_faces
    if given.detector:
        find = faces.create(
            given.detector, given.face_model, LEAST_SCORE, size=given.face_size
        ).detect
    model = lib.load_face_mask_detector_model()
    lines = []
    for path in images.find(given.scenes):
        source = path.relative_to(given.scenes).as_posix()
        try:
            image = images.read(path)
        except InputError as error:
            result = ImageResult(source, path.name, 0, 0, error=str(error))
        else:
            height, width = image.shape[:2]
            said = label(image, find(image), model)
            result = ImageResult(source, path.name, width, height, said)
        lines.append(json.dumps(result.to_dict()) + "\n")
    files.write_bytes(given.out, "".join(lines).encode())


if __name__ == "__main__":
    main()
