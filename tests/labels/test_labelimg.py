"""labelImg, opened by the command, with real keys and a real mouse under Xvfb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ENOUGH_S, Spawn, wait_until
from screen import Screen

from maskdet import images
from maskdet.errors import InputError
from maskdet.images import Bgr
from maskdet.labels import labelimg, voc
from maskdet.types import Box

USER_SETTINGS = {"savedir": "/tmp", "labelFileFormat": 2, "darkMode": False}


@pytest.fixture
def folder(tmp_path: Path, astronaut: Bgr) -> Path:
    """Two portraits of one name in class folders."""
    for name in ("with_mask", "without_mask"):
        (tmp_path / "raw" / name).mkdir(parents=True)
        images.write(tmp_path / "raw" / name / "a.png", astronaut)
    return tmp_path / "raw"


@pytest.mark.window
def test_what_is_saved_in_labelimg_is_what_is_cropped(
    folder: Path, tmp_path: Path, screen: Screen, spawn: Spawn
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = json.dumps(USER_SETTINGS)
    (home / labelimg.SETTINGS).write_text(settings)
    process = spawn(
        *("label", "--data", ".", "--edit", "labelimg"),
        environment=screen.environment | {"HOME": str(home)},
        cwd=tmp_path,
    )
    change_and_draw(screen, folder)
    output, messages = process.communicate(timeout=ENOUGH_S)
    assert (process.returncode, messages) == (0, "")

    edited, other = (folder / name / "a.xml" for name in ("with_mask", "without_mask"))
    file = voc.read(edited, 512, 512)
    assert [item.label for item in file.objects] == ["without_mask", "mask_worn_incorrectly"]
    assert file.objects[1].box.area > 2000
    assert not file.proposal
    assert voc.read(other, 512, 512).proposal
    assert sorted(folder.glob("*.xml")) == []
    crops = sorted(path.relative_to(tmp_path) for path in (tmp_path / "faces").rglob("*.jpg"))
    assert [path.parts[1] for path in crops] == ["mask_worn_incorrectly", *["without_mask"] * 2]
    assert "3 crops made" in output
    # Nothing of the user's was changed.
    assert [path.name for path in home.iterdir()] == [labelimg.SETTINGS]
    assert (home / labelimg.SETTINGS).read_text() == settings


def change_and_draw(screen: Screen, folder: Path) -> None:
    """Change the class of the only box, draw another one, save, close."""
    window = screen.wait_for_window("with_mask/a.png")
    screen.tool("windowfocus", "--sync", window)

    def settle() -> None:
        """Wait until the screen stands still."""
        before = None
        while before is None or (screen.picture() != before).any():
            before = screen.picture()
            time.sleep(0.4)

    def act(*arguments: str) -> None:
        """Do something that shows, and wait until it has."""
        before = screen.picture()
        screen.tool(*arguments)
        wait_until(lambda: bool((screen.picture() != before).any()))
        settle()

    # The first line in the list of objects.
    wait_until(lambda: bool(screen.picture()[306:320, 900:1050].std() > 2))
    settle()
    act("mousemove", "950", "314", "click", "1")  # the box, in the list of objects
    act("key", "ctrl+e")
    act("type", "without_mask")
    act("click", "1")  # the list of completions goes
    act("click", "1")  # the dialog has its OK under the mouse
    act("windowfocus", window, "key", "w")
    act("mousemove", "250", "600", "mousedown", "1")
    act("mousemove", "300", "640")
    act("mousemove", "380", "700", "mouseup", "1")
    act("type", "mask_worn_incorrectly")
    act("key", "Return")
    screen.tool("key", "ctrl+s")
    wait_until(lambda: any(folder.glob("*.xml")))
    settle()
    screen.close(window)


def test_files_come_home_to_their_pictures(folder: Path) -> None:
    image = folder / "with_mask/a.png"
    item = voc.VocObject(0, "with_mask", Box(1, 2, 30, 40))
    for name in ("a__0123.xml", "b.xml", "c.xml", "broken.xml"):
        voc.write(folder / name, image, 512, 512, [item])
    said = (folder / "a__0123.xml").read_text()
    named = said.replace("<source>", f"<path>{image}</path><source>")
    (folder / "a__0123.xml").write_text(named)
    (folder / "b.xml").write_text(named.replace("/with_mask/", "/none/"))
    (folder / "broken.xml").write_text("<annotation>")
    (folder / "ansi.xml").write_text("<?xml version='1.0' encoding='ansi'?><annotation/>")
    labelimg._bring_home(folder, {})
    assert voc.read(image.with_suffix(".xml"), 512, 512).objects == (item,)
    left = ["ansi.xml", "b.xml", "broken.xml", "c.xml"]
    assert sorted(path.name for path in folder.glob("*.xml")) == left


def test_an_older_file_never_replaces_a_newer_one(folder: Path) -> None:
    image = folder / "with_mask/a.png"
    home = image.with_suffix(".xml")
    voc.write(home, image, 512, 512, [])
    stray = folder / "a.xml"
    stray.write_text(f"<annotation><path>{image}</path></annotation>")
    os.utime(stray, (0, 0))
    labelimg._bring_home(folder, {})
    assert stray.exists()
    assert "<size>" in home.read_text()


@pytest.mark.parametrize(
    ("name", "is_there_before"),
    [("b.xml", False), ("c.xml", True)],  # b.xml has a picture of its own beside it
)
def test_a_copy_is_not_brought_home_to_the_picture_it_was_made_for(
    folder: Path, astronaut: Bgr, name: str, is_there_before: bool
) -> None:
    image = folder / "with_mask/a.png"
    home = image.with_suffix(".xml")
    voc.write(home, image, 512, 512, [])
    os.utime(home, (0, 0))
    images.write(folder / "b.png", astronaut)
    copy = folder / name
    copy.write_text(f"<annotation><path>{image}</path></annotation>")
    before = labelimg._saved(folder) if is_there_before else {}
    labelimg._bring_home(folder, before)
    assert copy.exists()
    assert "<size>" in home.read_text()
    os.utime(copy, (2e9, 2e9))
    labelimg._bring_home(folder, before)  # saved once more, by labelImg
    assert copy.exists() == (name == "b.xml")


def test_namesakes_that_labelimg_confuses_are_refused(folder: Path, astronaut: Bgr) -> None:
    images.write(folder / "a.png", astronaut)
    with pytest.raises(InputError, match="cannot tell"):
        labelimg.edit(folder)


def test_a_program_that_fails_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "labelImgPlusPlus.py").write_text("raise SystemExit('no Qt here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(labelimg.OutputError, match="labelImg ended with 1: no Qt here"):
        labelimg.edit(folder)


def test_broken_settings_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / labelimg.SETTINGS).write_bytes(b"\x80old pickle")
    with pytest.raises(InputError, match="settings"):
        labelimg.edit(folder)


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    code = (
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'labelImgPlusPlus': raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from maskdet.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *("label", "raw", "--crop-only", "--edit", "labelimg")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'maskdet[gui]'" in done.stderr
