"""The whole way, from phrases to a model, through the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from maskdet.models import store

SCRIPT = str(ROOT / "scripts/walkthrough.py")


@pytest.mark.corpus
@pytest.mark.train
def test_every_file_leads_back_to_an_address(tmp_path: Path, corpus: Path) -> None:
    folder = tmp_path / "way"
    done = subprocess.run(
        [sys.executable, SCRIPT, str(folder), "--pictures", "6", "--epochs", "0"],
        env=os.environ | {"MASKDET_CORPUS": str(corpus)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    typed = re.findall(r"^\$ maskdet (\w+)", done.stdout, re.MULTILINE)
    way = ["crawl", "dedup", "label", "split", "train", "detect", "catalog"]
    assert list(dict.fromkeys(typed)) == way
    assert typed.count("crawl") == 3

    last = done.stdout.splitlines()[-1]
    counts = re.fullmatch(r"(\d+) pictures, (\d+) duplicates and (\d+) crops: each .*", last)
    assert counts is not None
    data = folder / "data"
    there = [len(list(data.glob(f"{name}/*/*.jpg"))) for name in ("raw", "duplicates", "faces")]
    assert [int(count) for count in counts.groups()] == there
    # Each class has two pictures that are there twice.
    assert there[0] + there[1] == 3 * 8
    assert there[1] >= 4
    assert store.find(str(folder / "model/mine")).name == "mine"
    assert len(list(folder.glob("annotated/*.jpg"))) == 1


def test_without_photographs_it_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env=os.environ | {"MASKDET_CORPUS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "set MASKDET_CORPUS" in done.stderr
