from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from maskdet.labels.dataset import Sample
from maskdet.train.subsets import SPLIT, read_split, warn_of_what_weights_know, write_split
from maskdet.types import Box


def test_it_says_which_face_was_in_which_part(tmp_path: Path) -> None:
    odd = os.fsdecode(b"pool/\xff.jpg")
    samples = [
        Sample(tmp_path, odd, "with_mask", "a", Box(1, 2, 3.5, 4)),
        Sample(tmp_path, odd, "without_mask", "a", Box(5, 6, 7, 8)),
        Sample(tmp_path, "pool/b.jpg", "with_mask", "b"),
        Sample(tmp_path, "synth/b.jpg", "with_mask", "b", extra=True),
    ]
    held = np.array([False, False, True, False])
    write_split(tmp_path, samples, np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0], bool), held)
    assert read_split(tmp_path, "training") == {(odd, "1 2 3.5 4"), (odd, "5 6 7 8")}
    assert read_split(tmp_path, "validation") == {("pool/b.jpg", "")}
    with (tmp_path / SPLIT).open(newline="", errors="surrogateescape") as file:
        last = list(csv.DictReader(file))[-1]
    assert last == {
        "file": "synth/b.jpg",
        "box": "",
        "class": "with_mask",
        "group": "b",
        "cluster": "1",
        "subset": "",
    }


def test_validation_pictures_that_the_weights_know_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "split.csv").write_text(
        "file,box,subset\npool/a.jpg,1,training\npool/a.jpg,2,training\npool/b.jpg,,validation\n"
        "pool/c.jpg,,\n"
    )
    names = ["pool/b.jpg", "pool/c.jpg", "pool/d.jpg"]
    for folder in (None, tmp_path / "elsewhere", tmp_path):
        warn_of_what_weights_know(folder, names)
    assert not caplog.records
    warn_of_what_weights_know(tmp_path, [*names, "pool/a.jpg"])
    assert "1 of 4 validation pictures are among those" in caplog.text
