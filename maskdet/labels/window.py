"""The labelling window: keys and mouse for ``editor.Editor``, and its picture on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap

import cv2
import numpy as np

from maskdet import display, files
from maskdet.classes import KNOWN, SHORT
from maskdet.drawing import BLACK, GREY, WHITE, class_colour, frame, put_text, text_size
from maskdet.errors import InputError
from maskdet.images import Bgr
from maskdet.labels.editor import Editor
from maskdet.types import Box

INSTEAD = "change the .xml files beside the pictures with another program"

HELP = (
    "n next, confirms   p previous   1 mask   2 no mask   3 incorrect   4 background   "
    "Tab or click chooses",
    "drag: new box   d difficult   x deletes   u takes back   q ends        everything is saved "
    "at once",
)
TITLE = "maskdet label"

_TEXT = 14
_WIDTH = 640
"""Least width in pixels, which the help needs."""

_LETTERS = 80
"""As many surely fit into that width."""

_ENLARGE = 3
"""How much small pictures are enlarged: a face of 20 pixels can neither be judged nor boxed."""

_NAMED = 40
"""Least width in pixels of a box whose class is written at it: in a crowd, colours must do."""

_CLICK = 3
"""Pixels that the mouse may move in a click."""

# What OpenCV's windows call the arrow keys: X11 (Qt and GTK), Windows, macOS.
_LEFT = frozenset({0xFF51, 0x250000, 0xF702})
_RIGHT = frozenset({0xFF53, 0x270000, 0xF703})


def require() -> None:
    """Raise OutputError where no window can be opened."""
    display.require(INSTEAD)


def edit(pictures: Sequence[Path]) -> None:
    """Let a person look at pictures and change their boxes and classes, until the window closes.

    Only for where ``require()`` has nothing to say.

    Args:
        pictures: shown in this order.

    Raises:
        InputError: there is no picture.
        OutputError: a VOC file cannot be written.
    """
    if not pictures:
        raise InputError("there is no picture to label")
    _Window(Editor(pictures)).run()


class _Window:
    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._shown: tuple[Path, str] | None = None
        self._picture: Bgr = np.empty((0, 0, 3), np.uint8)
        self._scale = 1.0
        self._drag: tuple[int, int, int, int] | None = None
        self._mouse: list[tuple[int, int, int]] = []
        self._keys: dict[str, Callable[[], None]] = {
            "n": lambda: editor.go(1),
            "p": lambda: editor.go(-1),
            "\t": editor.choose_next,
            "d": editor.toggle_difficult,
            "x": editor.delete,
            "u": editor.undo,
        }

    def run(self) -> None:
        cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
        # OpenCV only prints what a callback raises: the work is done outside.
        cv2.setMouseCallback(TITLE, lambda event, x, y, *_: self._mouse.append((event, x, y)))
        try:
            self._show()
            while True:
                key = cv2.waitKeyEx(20)
                if key in display.END_KEYS or display.is_closed(TITLE):
                    return
                # One wait may bring a click and the key that follows it: waiting ends with a key.
                if self._take_mouse() | self._take_key(key):
                    self._show()
        finally:
            cv2.destroyAllWindows()

    def _take_key(self, key: int) -> bool:
        """Do what a key says; return whether it was pressed at all."""
        if key == -1:
            return False
        if key in _LEFT or key in _RIGHT:
            self._editor.go(1 if key in _RIGHT else -1)
        elif key < 256:
            letter = chr(key).lower()
            if letter in self._keys:
                self._keys[letter]()
            elif letter.isdigit() and 1 <= int(letter) <= len(KNOWN):
                self._editor.set_label(KNOWN[int(letter) - 1])
        return True

    def _take_mouse(self) -> bool:
        """Do what the mouse has said since; return whether there is something to show."""
        events, self._mouse = self._mouse, []
        changed = False
        for event, x, y in events:
            if event == cv2.EVENT_LBUTTONDOWN:
                self._drag = (x, y, x, y)
            elif self._drag and event in (cv2.EVENT_MOUSEMOVE, cv2.EVENT_LBUTTONUP):
                self._drag = (*self._drag[:2], x, y)
                changed = True
                if event == cv2.EVENT_LBUTTONUP:
                    self._drop(*self._drag)
                    self._drag = None
        return changed

    def _drop(self, x1: int, y1: int, x2: int, y2: int) -> None:
        if max(abs(x2 - x1), abs(y2 - y1)) <= _CLICK:
            self._editor.choose(x1 / self._scale, y1 / self._scale)
        else:
            self._editor.add(_scaled(_around(x1, y1, x2, y2), 1 / self._scale))

    def _show(self) -> None:
        editor = self._editor
        if self._shown != (editor.picture, editor.problem):
            self._shown, self._drag = (editor.picture, editor.problem), None
            self._picture = self._fitted()
            cv2.setWindowTitle(TITLE, f"{files.readable(editor.picture.name)} - maskdet label")
        cv2.imshow(TITLE, self._draw())

    def _fitted(self) -> Bgr:
        image = self._editor.image
        if image is None:
            empty: Bgr = np.full((_WIDTH // 2, _WIDTH, 3), GREY, np.uint8)
            for number, text in enumerate(wrap(self._editor.problem, _LETTERS), 1):
                put_text(empty, text, _TEXT, _TEXT, number * text_size("M", _TEXT)[1], BLACK)
            return empty
        fitted = display.fit(image, _ENLARGE)
        self._scale = fitted.shape[1] / image.shape[1]
        return fitted

    def _draw(self) -> Bgr:
        """Return the picture with its boxes, and below it where we are and what the keys do."""
        editor, state = self._editor, self._editor.state
        height, width = self._picture.shape[:2]
        line = text_size("M", _TEXT)[1]
        doubt = "nobody has confirmed this: " * (state.proposal and editor.image is not None)
        said = editor.notice or f"{doubt}{editor.picture}"
        lines = [f"{editor.place + 1}/{len(editor.pictures)}  {said}", *HELP]
        canvas: Bgr = np.zeros((height + len(lines) * line, max(width, _WIDTH), 3), np.uint8)
        canvas[:height, :width] = self._picture
        picture = canvas[:height, :width]
        for item in state.objects:
            chosen = item.index == state.chosen
            box = _scaled(item.box, self._scale).clip(width, height)
            colour = class_colour(item.label)
            if chosen:
                frame(picture, box, WHITE, 5)
            frame(picture, box, colour, 3 if chosen else 2)
            if chosen or box.width >= _NAMED:
                text = SHORT.get(item.label, item.label) + " (difficult)" * item.difficult
                x = max(0, min(int(box.x1), width - text_size(text, _TEXT)[0]))
                put_text(picture, text, _TEXT, x, max(0, int(box.y1) - line), colour)
        if self._drag:
            frame(picture, _around(*self._drag).clip(width, height), WHITE, 1)
        for number, text in enumerate(lines):
            put_text(canvas, text, _TEXT, 0, height + number * line, BLACK)
        return canvas


def _around(x1: int, y1: int, x2: int, y2: int) -> Box:
    """Return the box between two opposite corners, in whatever order."""
    return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _scaled(box: Box, factor: float) -> Box:
    return Box(*(value * factor for value in (box.x1, box.y1, box.x2, box.y2)))
