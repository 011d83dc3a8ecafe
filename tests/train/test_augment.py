from __future__ import annotations

import subprocess
import sys

import numpy as np

from maskdet.images import Bgr
from maskdet.train import augment


def test_imgaug_imports_on_numpy_2() -> None:
    code = (
        "import numpy; assert not hasattr(numpy, 'sctypes');"
        "from maskdet.train.augment import import_imgaug; print(import_imgaug().__version__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0.4.0"


def test_every_augmenter_runs_and_the_size_is_right(astronaut: Bgr) -> None:
    faces = np.stack([astronaut[50:174, 160:284]] * 64)
    result = augment.augment(augment.augmenter(96), faces, (1,))
    assert result.shape == (64, 96, 96, 3)
    assert result.dtype == np.uint8
    # 64 draws: hardly any two alike, none blank.
    assert len({face.tobytes() for face in result}) > 60
    assert min(face.std() for face in result) > 3


def test_the_same_seed_gives_the_same_faces(astronaut: Bgr) -> None:
    faces = np.stack([astronaut[50:174, 160:284]] * 16)
    first, second = augment.augmenter(96), augment.augmenter(96)
    augment.augment(first, faces, (9, 9))
    a = augment.augment(first, faces, (3, 1, 4))
    b = augment.augment(second, faces, (3, 1, 4))
    c = augment.augment(second, faces, (3, 1, 5))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
