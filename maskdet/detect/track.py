"""Following faces from frame to frame, so that their labels do not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from maskdet.types import Box, ImageResult, Prediction

MOST_WEIGHT = 0.4
"""The most that one frame counts once a face is known: at low frame rates, no single wrong
frame may turn a label."""

COASTING_S = 0.3
"""For how long a face that is not found is taken to move on as before; then it stands still."""


@dataclass(slots=True)
class _Track:
    box: Box
    scores: dict[str, float]
    label: str
    time_s: float
    frames: int = 1
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time_s: float) -> Box:
        """Where the face should be by now."""
        elapsed = min(time_s - self.time_s, COASTING_S)
        dx, dy = (speed * elapsed for speed in self.velocity)
        return Box(self.box.x1 + dx, self.box.y1 + dy, self.box.x2 + dx, self.box.y2 + dy)


class Tracker:
    """An intersection-over-union tracker that smooths the class scores of each face.

    Boxes are joined to tracks greedily by their overlap (Bochinski, Eiselein and Sikora,
    High-Speed Tracking-by-Detection Without Using Image Information, 2017), a track's box
    being moved on at its velocity first (as SORT does: Bewley et al., Simple Online and
    Realtime Tracking, 2016). The scores of a track are averaged: evenly over its first
    frames, then exponentially with a time constant. Its label changes only when another
    class leads by a margin.

    Args:
        min_iou: least overlap of a box with the place where its track is expected, 0 to 1.
        memory_s: for how many seconds a face that is not found is remembered.
        time_constant_s: of the mean of the scores, in seconds. A face that puts a mask on
            has its new label after about as long.
        margin: by how much another class must lead before the label changes, 0 to 1.
    """

    def __init__(
        self,
        min_iou: float = 0.3,
        memory_s: float = 1.0,
        time_constant_s: float = 0.5,
        margin: float = 0.1,
    ) -> None:
        self.min_iou = min_iou
        self.memory_s = memory_s
        self.time_constant_s = time_constant_s
        self.margin = margin
        self._tracks: list[_Track] = []

    def __call__(self, result: ImageResult) -> ImageResult:
        """Return ``result`` with labels and scores smoothed; boxes stay as they were found.

        Args:
            result: of the next frame, ``time_s`` not smaller than that of the last one.

        Returns:
            The same faces in the same order. A label that is about to change may for a
            moment not be the one with the highest score.
        """
        now = result.time_s or 0.0
        self._tracks = [track for track in self._tracks if now - track.time_s <= self.memory_s]
        matched = self._match([face.box for face in result.faces], now)
        faces = []
        for index, face in enumerate(result.faces):
            track = matched.get(index)
            if track is None:
                track = _Track(face.box, dict(face.scores), face.label, now)
                self._tracks.append(track)
            else:
                self._follow(track, face, now)
            scores = dict(track.scores)
            faces.append(replace(face, label=track.label, score=scores[track.label], scores=scores))
        return replace(result, faces=tuple(faces))

    def _match(self, boxes: list[Box], now: float) -> dict[int, _Track]:
        """Join boxes and tracks, the best overlap first; return tracks by index of the box."""
        expected = [track.expected(now) for track in self._tracks]
        pairs = sorted(
            (
                (place.iou(box), index, number)
                for number, place in enumerate(expected)
                for index, box in enumerate(boxes)
            ),
            reverse=True,
        )
        matched: dict[int, _Track] = {}
        taken: set[int] = set()
        for iou, index, number in pairs:
            if iou < self.min_iou:
                break
            if index not in matched and number not in taken:
                matched[index] = self._tracks[number]
                taken.add(number)
        return matched

    def _follow(self, track: _Track, face: Prediction, now: float) -> None:
        elapsed = now - track.time_s
        if elapsed > 0:
            old, new = track.box, face.box
            step = (new.x1 + new.x2 - old.x1 - old.x2, new.y1 + new.y2 - old.y1 - old.y2)
            vx, vy = (
                (speed + part / 2 / elapsed) / 2
                for speed, part in zip(track.velocity, step, strict=True)
            )
            track.velocity = (vx, vy)
        track.frames += 1
        weight = min(MOST_WEIGHT, 1 - math.exp(-elapsed / self.time_constant_s))
        weight = max(weight, 1 / track.frames)
        for name, value in face.scores.items():
            track.scores[name] += weight * (value - track.scores[name])
        best = max(track.scores, key=track.scores.__getitem__)
        if track.scores[best] >= track.scores[track.label] + self.margin:
            track.label = best
        track.box, track.time_s = face.box, now
