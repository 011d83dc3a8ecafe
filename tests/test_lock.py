"""Only one command at a time changes a manifest: what another has written is not lost."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskdet import images
from maskdet.errors import InputError, OutputError
from maskdet.labels import voc
from maskdet.labels.convert import convert
from maskdet.labels.crop import crop
from maskdet.labels.manifest import FILE, LOCK, Manifest, alone
from maskdet.labels.partition import partition
from maskdet.progress import Progress
from maskdet.synth.plan import SynthOptions
from maskdet.synth.run import synthesise
from maskdet.types import Box

AT_WORK = "another maskdet command is at work in .*faces: wait until it is done"

COMMANDS: dict[str, Callable[[Path, Path, Progress], object]] = {
    "label": lambda raw, faces, progress: crop(raw, faces, progress=progress),
    "split": lambda raw, faces, progress: partition(
        [raw, faces], {"train": 1, "val": 0, "test": 0}, progress=progress
    ),
    "synth": lambda raw, faces, progress: synthesise(
        raw, faces, SynthOptions(styles=("correct",), workers=1), progress
    ),
    "convert --to crops": lambda raw, faces, progress: convert(
        raw, faces, "crops", kind="voc", overwrite=True, progress=progress
    ),
    "convert --to voc": lambda raw, faces, progress: convert(
        raw, faces, "voc", overwrite=True, progress=progress
    ),
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A photograph that the manifest of its folder knows."""
    folder = tmp_path / "raw"
    folder.mkdir()
    images.write(folder / "a.png", np.zeros((90, 90, 3), np.uint8))
    face = voc.VocObject(0, "without_mask", Box(5, 5, 80, 80))
    voc.write(folder / "a.xml", "a.png", 90, 90, [face])
    manifest = Manifest(folder)
    manifest.set("a.png", {"group": "7"})
    manifest.write()
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_manifest_for_itself(raw: Path, tmp_path: Path, command: str) -> None:
    faces = tmp_path / "faces"
    crop(raw, faces)
    held: list[bool] = []

    def meanwhile(items: Iterable[Any], **_: object) -> Iterable[Any]:
        try:
            with alone(faces):
                held.append(False)
        except InputError as error:
            held.append(re.search(AT_WORK, str(error)) is not None)
        return items

    COMMANDS[command](raw, faces, meanwhile)
    first = 1 if "convert" in command else 0  # it reads all of its source before
    assert held[first:]
    assert all(held[first:])
    before = (faces / FILE).read_bytes()
    with alone(faces):
        with pytest.raises(InputError, match=AT_WORK):
            COMMANDS[command](raw, faces, meanwhile)
        assert (faces / FILE).read_bytes() == before


def test_who_is_killed_lets_go(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    text = (
        "import pathlib, sys; from maskdet.labels.manifest import alone\n"
        "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", text, faces], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=AT_WORK), alone(faces):
            pass
        other.kill()
    with alone(faces, tmp_path / "raw" / ".." / "faces"):  # one folder by two names
        assert Manifest(faces).rows == []


def test_what_is_in_the_way_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), alone(tmp_path / "no"):
        pass
    (tmp_path / LOCK).write_bytes(b"no database" * 100)
    with pytest.raises(OutputError, match="not a database"), alone(tmp_path):
        pass


def test_who_may_write_into_a_folder_may_lock_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o2777)
    with alone(tmp_path):
        assert (tmp_path / LOCK).stat().st_mode & 0o777 == 0o666
