"""What the labelling window knows and does, without a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maskdet import images
from maskdet.classes import CLASSES
from maskdet.errors import InputError
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
        rest = [item for item in self.objects if item.index != self.chosen]
        objects = tuple(replace(item, index=place) for place, item in enumerate(rest))
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


class Editor:
    """Walks through pictures and changes their VOC files, each change being saved at once.

    Args:
        pictures: at least one.
    """

    def __init__(self, pictures: Sequence[Path]) -> None:
        self.pictures = pictures
        self.place = 0
        self.image: Bgr | None = None
        self.state = State()
        self.problem = ""
        self._label = CLASSES[0]
        self._undo: list[tuple[int, State]] = []
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
        if steps > 0 and self.state.proposal:
            self._save(replace(self.state, proposal=False))
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
        place, state = self._undo.pop()
        if place != self.place:
            self.place = place
            self._load()
        self._save(state)

    def _choose(self, state: State) -> None:
        self.state = state
        if state.chosen is not None:
            self._label = state.objects[state.chosen].label

    def _change(self, state: State) -> None:
        if self.image is None or state == self.state:
            return
        self._undo.append((self.place, self.state))
        self._save(state)

    def _save(self, state: State) -> None:
        if self.image is None:
            return
        height, width = self.image.shape[:2]
        path = voc_path(self.picture)
        voc.write(path, self.picture, width, height, state.objects, state.proposal)
        self.state = state

    def _load(self) -> None:
        self.image, self.state, self.problem = None, State(), ""
        path = voc_path(self.picture)
        try:
            image = images.read(self.picture)
            height, width = image.shape[:2]
            if path.exists():
                file = voc.read(path, width, height)
                if file.problems:
                    # Saved from here, they would be lost.
                    raise InputError(file.problems[0])
                objects = tuple(
                    replace(item, index=place) for place, item in enumerate(file.objects)
                )
                self.state = State(objects, 0 if objects else None, file.proposal)
        except InputError as error:
            self.problem = str(error)
        else:
            self.image = image
