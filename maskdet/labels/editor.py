"""What the labelling window knows and does, without a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from maskdet import files, images
from maskdet.classes import CLASSES
from maskdet.errors import InputError, OutputError
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.layout import voc_path
from maskdet.types import Box

SMALLEST = 4
"""Sides in pixels below which a drawn box is taken for a slip of the hand."""


@dataclass(frozen=True, slots=True)
class State:
    """The boxes of a picture, which of them is chosen (None: none), and whether a person has
    seen them."""

    objects: tuple[voc.VocObject, ...] = ()
    chosen: int | None = None
    proposal: bool = True

    def with_label(self, label: str) -> State:
        """Give the chosen box a class."""
        return self._change(label=label)

    def with_difficult_toggled(self) -> State:
        """Mark the chosen box as difficult, or as not difficult any more."""
        if self.chosen is None:
            return self
        return self._change(difficult=not self.objects[self.chosen].difficult)

    def with_box(self, box: Box, label: str) -> State:
        """Add a box and choose it."""
        new = voc.VocObject(len(self.objects), label, box)
        return State((*self.objects, new), len(self.objects), False)

    def without_chosen(self) -> State:
        """Delete the chosen box, and choose the one that takes its place."""
        if self.chosen is None:
            return self
        # With their places in the file as it is; saving it gives them new ones.
        objects = tuple(item for item in self.objects if item.index != self.chosen)
        return State(objects, min(self.chosen, len(objects) - 1) if objects else None, False)

    def choosing(self, x: float, y: float) -> State:
        """Choose the smallest box at a point of the picture; none where there is none."""
        here = [
            item
            for item in self.objects
            if item.box.x1 <= x < item.box.x2 and item.box.y1 <= y < item.box.y2
        ]
        best = min(here, key=lambda item: item.box.area, default=None)
        return replace(self, chosen=best.index if best else None)

    def choosing_next(self) -> State:
        """Choose the next box in the file's order, after the last one the first."""
        if not self.objects:
            return self
        return replace(
            self, chosen=0 if self.chosen is None else (self.chosen + 1) % len(self.objects)
        )

    def _change(self, **changes: Any) -> State:
        if self.chosen is None:
            return self
        objects = list(self.objects)
        objects[self.chosen] = replace(objects[self.chosen], **changes)
        return State(tuple(objects), self.chosen, False)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a picture's VOC file held before and after a change (None: there was none), and
    which box was chosen before."""

    place: int
    before: bytes | None
    after: bytes | None
    chosen: int | None


class Editor:
    """Walks through pictures and changes their VOC files, each change being saved at once.

    A file that has been changed elsewhere since it was read is read anew, and ``notice`` says
    so: nothing of it is overwritten, and what was to be done is not done.

    Args:
        pictures: at least one.
    """

    def __init__(self, pictures: Sequence[Path]) -> None:
        self.pictures = pictures
        self.place = 0
        self.image: Bgr | None = None
        self.state = State()
        self.problem = ""
        self.notice = ""
        self._held: bytes | None = None
        self._root: Element | None = None
        self._label = CLASSES[0]
        self._undo: list[_Change] = []
        self._load()

    @property
    def picture(self) -> Path:
        """The picture at hand; ``image`` is it, None if it cannot be labelled (``problem``)."""
        return self.pictures[self.place]

    def go(self, steps: int) -> None:
        """Go to another picture; beyond the first and last there is none.

        Whoever leaves a proposal forwards has seen and confirmed it.

        Raises:
            OutputError: that cannot be saved.
        """
        if steps > 0 and self.state.proposal and not self._save(self.state):
            return
        place = min(max(self.place + steps, 0), len(self.pictures) - 1)
        if place != self.place:
            self.place = place
            self._load()

    def choose(self, x: float, y: float) -> None:
        """Choose the box at a point of the picture."""
        self._choose(self.state.choosing(x, y))

    def choose_next(self) -> None:
        """Choose the next box."""
        self._choose(self.state.choosing_next())

    def set_label(self, label: str) -> None:
        """Give the chosen box a class, which the next new box gets, too.

        This and the following raise OutputError where the file cannot be saved.
        """
        self._label = label
        self._change(self.state.with_label(label))

    def toggle_difficult(self) -> None:
        """Mark the chosen box as difficult, or as not difficult any more."""
        self._change(self.state.with_difficult_toggled())

    def add(self, box: Box) -> None:
        """Add a box (in pixels of the picture; it is clipped), unless it is tiny."""
        if self.image is None:
            return
        height, width = self.image.shape[:2]
        clipped = box.clip(width, height)
        if min(clipped.width, clipped.height) >= SMALLEST:
            self._change(self.state.with_box(clipped, self._label))

    def delete(self) -> None:
        """Delete the chosen box."""
        self._change(self.state.without_chosen())

    def undo(self) -> None:
        """Take the last change back, going to its picture."""
        if not self._undo:
            return
        change = self._undo.pop()
        if change.place != self.place:
            self.place = change.place
            self._load()
        if not self._still_holds(change.after) or self.image is None:
            return
        path = voc_path(self.picture)
        if change.before is not None:
            files.write_bytes(path, change.before)
        else:
            # An empty one would say that there is no face.
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(f"cannot remove {path}: {error.strerror or error}") from error
        self._load(change.chosen, self.image)

    def _choose(self, state: State) -> None:
        self.state = state
        if state.chosen is not None:
            self._label = state.objects[state.chosen].label

    def _change(self, state: State) -> None:
        if self.image is None or state == self.state:
            return
        before, chosen = self._held, self.state.chosen
        if self._save(state):
            self._undo.append(_Change(self.place, before, self._held, chosen))

    def _save(self, state: State) -> bool:
        """Save as seen by a person; return False if the file had to be read anew instead."""
        if self.image is None:
            return True
        if not self._still_holds(self._held):
            return False
        height, width = self.image.shape[:2]
        path = voc_path(self.picture)
        voc.write(path, self.picture, width, height, state.objects, earlier=self._root)
        self._load(state.chosen, self.image)
        return True

    def _still_holds(self, content: bytes | None) -> bool:
        """Tell whether the file holds what it should; if not, read it anew and say so."""
        if _content(voc_path(self.picture)) == content:
            return True
        self._undo = [change for change in self._undo if change.place != self.place]
        self._load(image=self.image)
        self.notice = "changed by another program and read anew: your last step did nothing"
        return False

    def _load(self, chosen: int | None = 0, image: Bgr | None = None) -> None:
        """Read the picture, unless it is given, and its boxes."""
        self.image, self.state, self.problem, self.notice = None, State(), "", ""
        self._root = None
        path = voc_path(self.picture)
        # Before the boxes: should they change in between, that is noticed when they are saved.
        self._held = _content(path)
        try:
            if image is None:
                image = images.read(self.picture)
            height, width = image.shape[:2]
            if self._held is not None:
                file = voc.read(path, width, height)
                if file.problems:
                    # Saved from here, they would be lost.
                    raise InputError(file.problems[0])
                if chosen is not None:
                    chosen = min(chosen, len(file.objects) - 1) if file.objects else None
                self.state = State(file.objects, chosen, file.proposal)
                self._root = file.root
        except InputError as error:
            self.problem = str(error)
        else:
            self.image = image


def _content(path: Path) -> bytes | None:
    """Return what a VOC file holds, None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # as no VOC file is; whoever reads it as one says what is wrong
