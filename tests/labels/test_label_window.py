"""The labelling window, opened by the command, with real keys and a real mouse under Xvfb."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ENOUGH_S, Spawn, wait_until
from screen import Screen

from maskdet import images
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.types import Box

PROPOSED = Box(179, 58, 272, 177)


@pytest.fixture
def start(spawn: Spawn, tmp_path: Path) -> Spawn:
    """Starts ``maskdet label`` in a process of its own."""
    return partial(spawn, "label", cwd=tmp_path)


@pytest.fixture
def folder(tmp_path: Path, astronaut: Bgr) -> Path:
    """The portrait with a proposal, and a larger picture without one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    images.write(folder / "a.png", astronaut)
    images.write(folder / "b.png", np.full((900, 2560, 3), 200, np.uint8))
    item = voc.VocObject(0, "with_mask", PROPOSED)
    voc.write(folder / "a.xml", folder / "a.png", 512, 512, [item], proposal=True)
    return folder


@pytest.mark.window
def test_the_window(start: Spawn, folder: Path, screen: Screen, astronaut: Bgr) -> None:
    process = start(
        *("photos", "--crop-only", "--edit", "window", "--faces", "faces"),
        environment=screen.environment,
    )
    window = screen.wait_for_window("a.png - maskdet label")
    left, top = (
        int(line.split("=")[1])
        for line in screen.tool("getwindowgeometry", "--shell", window).splitlines()[1:3]
    )

    # As high as a picture may be shown.
    scale = 800 / 512
    enlarged = cv2.resize(astronaut, (800, 800))

    def is_shown() -> bool:
        found = screen.picture()[top + 500 : top + 780, left : left + 780]
        if abs(found.astype(int) - enlarged[500:780, :780]).mean() < 15:
            return True
        screen.remap(window)
        return False

    def said(stem: str) -> list[str]:
        file = voc.read(folder / f"{stem}.xml", *images.size(folder / f"{stem}.png"))
        assert not file.proposal
        return [item.label for item in file.objects]

    def drag(x1: int, y1: int, x2: int, y2: int) -> None:
        screen.tool("mousemove", str(left + x1), str(top + y1), "mousedown", "1")
        screen.tool("mousemove", str(left + (x1 + x2) // 2), str(top + y2))
        screen.tool("mousemove", str(left + x2), str(top + y2), "mouseup", "1")

    file = folder / "a.xml"

    def after(act: Callable[[], object]) -> list[str]:
        """Act, and return the labels once the file has been written anew."""
        before = file.stat().st_mtime_ns
        act()
        wait_until(lambda: file.stat().st_mtime_ns != before)
        return said("a")

    wait_until(is_shown)
    assert after(lambda: screen.press(window, "2")) == ["without_mask"]
    assert after(lambda: drag(480, 480, 640, 660)) == ["without_mask", "without_mask"]
    (_, drawn) = voc.read(file, 512, 512).objects
    assert drawn.box.iou(Box(480 / scale, 480 / scale, 640 / scale, 660 / scale)) > 0.9
    assert after(lambda: screen.press(window, "3")) == ["without_mask", "mask_worn_incorrectly"]
    face = np.s_[top + 80 : top + 290, left + 270 : left + 440]
    before = screen.picture()[face]
    screen.press(window, "Tab")
    # OpenCV forgets a key that waits when the next arrives.
    wait_until(lambda: bool((screen.picture()[face] != before).any()))
    assert after(lambda: screen.press(window, "1")) == ["with_mask", "mask_worn_incorrectly"]

    def click_and_delete() -> None:
        """Let the window hear of both at once, as on a machine that is slow."""
        process.send_signal(signal.SIGSTOP)
        screen.tool("mousemove", str(left + 540), str(top + 540), "click", "1")
        screen.press(window, "x")
        process.send_signal(signal.SIGCONT)

    assert after(click_and_delete) == ["with_mask"]
    assert after(lambda: screen.press(window, "u")) == ["with_mask", "mask_worn_incorrectly"]
    after(lambda: screen.press(window, "d"))
    assert [item.difficult for item in voc.read(file, 512, 512).objects] == [False, True]

    screen.press(window, "Right")
    screen.wait_for_window("b.png - maskdet label")
    # Shown at half its size.
    drag(100, 100, 200, 200)
    wait_until((folder / "b.xml").exists)
    (item,) = voc.read(folder / "b.xml", 2560, 900).objects
    assert item.box.iou(Box(200, 200, 400, 400)) > 0.9
    screen.press(window, "Left")
    screen.wait_for_window("a.png - maskdet label")
    screen.press(window, "q")

    output, messages = process.communicate(timeout=ENOUGH_S)
    assert (process.returncode, messages) == (0, "")
    assert "2 crops made" in output
    crops = sorted(path.relative_to(folder.parent) for path in folder.parent.rglob("*.jpg"))
    assert [str(path) for path in crops] == [
        "faces/mask_worn_incorrectly/b_0.jpg",
        "faces/with_mask/a_0.jpg",
    ]


@pytest.mark.window
@pytest.mark.parametrize("stem", ["a", os.fsdecode(b"a\xff")], ids=ascii)
def test_closing_the_window_ends(start: Spawn, folder: Path, screen: Screen, stem: str) -> None:
    for file in folder.glob("a.*"):
        file.rename(file.with_stem(stem))
    process = start(
        *("photos", "--crop-only", "--edit", "window", "--faces", "faces"),
        environment=screen.environment,
    )
    screen.close(screen.wait_for_window("^a.*png - maskdet label$"))
    assert process.wait(ENOUGH_S) == 0
    # Nobody has confirmed anything.
    assert voc.read(folder / f"{stem}.xml", 512, 512).proposal


@pytest.mark.parametrize("editor", ["window", "labelimg"])
def test_without_a_display_one_line_says_what_to_do(
    start: Spawn, folder: Path, editor: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    process = start("photos", "--crop-only", "--edit", editor, environment=environment)
    output, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 3
    assert output == ""
    assert messages.startswith("maskdet: error: no window can be opened here")
    assert ".xml files" in messages
    assert len(messages.splitlines()) == 1
