"""What is done with one picture, by one of several processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from maskdet import images
from maskdet.errors import InputError
from maskdet.faces.crop import square_around
from maskdet.faces.ssd import TRAINED_SIZE, SsdFaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.dataset import Sample
from maskdet.layout import voc_path
from maskdet.synth import drawn, pieces, templates
from maskdet.synth.landmarks import LandmarkNet, Mesh
from maskdet.synth.light import blend
from maskdet.synth.occlude import PATCH, occlude
from maskdet.synth.pieces import Source
from maskdet.synth.place import place
from maskdet.synth.plan import SMALL, Job, SynthOptions, Variant
from maskdet.synth.straps import straps
from maskdet.synth.styles import OCCLUDED
from maskdet.synth.templates import Template
from maskdet.synth.warp import Layer, warp
from maskdet.types import Box

QUALITY = 95

TURNED, NO_FACE, OUTSIDE = "turned away", "no face found", "mask outside the picture"
CROWDED = "another face would be hidden"
"""Why a face is left out, beside ``plan.SMALL``."""

_MARGIN = 0.1
"""What a classifier usually sees around a box, as a part of its longer side."""
_LEAST_SEEN = 0.06
"""A mask of which less is seen there, as a part of the face's area, cannot be learnt from."""
_HIDDEN = 0.12
"""The part of another face that may be hidden, too: its label stays."""
_DRAWS = 5
"""How often something is drawn until it hides no other face."""


@dataclass(frozen=True)
class Made:
    """A picture that was made: ``file`` is below the output's folder, ``size`` width and height,
    ``templates`` has a name for each target, ``objects`` are what its VOC file says, ``piece`` is
    the other picture of which it has a piece."""

    file: str
    label: str
    style: str
    targets: tuple[Sample, ...]
    templates: tuple[str, ...]
    size: tuple[int, int]
    objects: tuple[voc.VocObject, ...]
    piece: Path | None = None


@dataclass
class Outcome:
    """What became of a job: pictures with their JPEG files, faces that were left out by reason."""

    made: list[tuple[Made, bytes]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problem: str = ""


class _Worker:
    def __init__(self, options: SynthOptions) -> None:
        self.options = options
        self.net = LandmarkNet()
        self.templates = templates.load(options.templates) if options.templates else []

    @cached_property
    def _detector(self) -> SsdFaceDetector:
        return SsdFaceDetector(size=TRAINED_SIZE)

    def template(self, rng: np.random.Generator) -> Template:
        if self.templates and rng.random() >= self.options.drawn:
            return self.templates[int(rng.integers(len(self.templates)))]
        return drawn.draw(rng)

    def mesh(self, image: Bgr, sample: Sample) -> Mesh | str:
        """Return the points of a face, or why it is left out."""
        box = sample.box or self._face_in(image)
        mesh = self.net.find(image, box)
        if mesh is None:
            return NO_FACE
        if min(mesh.box.width, mesh.box.height) < 0.75 * self.options.min_face:
            return SMALL
        return TURNED if abs(mesh.yaw) > self.options.max_yaw else mesh

    def source(self, others: Sequence[Sample]) -> Source | None:
        """Return the picture that pieces are cut out of, None if none of the others will do."""
        return pieces.first(others, self._detector) if others else None

    def _face_in(self, image: Bgr) -> Box:
        """Return the box of a face that a picture as a whole is labelled as."""
        height, width = image.shape[:2]
        faces = self._detector.detect(image)
        if not faces:  # it fills the picture
            return Box(0, 0, width, height)
        return max(faces, key=lambda face: face.box.area).box


_worker: _Worker | None = None


def load(options: SynthOptions) -> None:
    """Load what every job needs.

    Raises:
        InputError: there are no templates.
        ModelError: a network is missing or altered.
    """
    global _worker
    _worker = _Worker(options)


def settle_in(options: SynthOptions) -> None:
    """Prepare a process that does one job after the other."""
    cv2.setNumThreads(1)
    load(options)


def treat(job: Job) -> Outcome:
    """Make all pictures of one."""
    assert _worker is not None
    outcome = Outcome()
    path = job.targets[0].path
    try:
        image = images.read(path)
        objects = _objects(job, image)
        faces = []
        for target in job.targets:
            mesh = _worker.mesh(image, target)
            if isinstance(mesh, str):
                outcome.skipped[mesh] += 1
            else:
                faces.append((target, mesh))
        beside = [*(mesh.box for _, mesh in faces), *(item.box for item in objects)]
        source = _worker.source(job.others) or Source(path, image, beside)
        for variant in job.variants:
            result, done = _variant(_worker, image, faces, objects, source, variant)
            reason = CROWDED if variant.style == OCCLUDED else OUTSIDE
            outcome.skipped[reason] += len(faces) - len(done)
            if done:
                made = _made(job, variant, result, objects, source, done)
                outcome.made.append((made, _jpeg(result, path)))
    except InputError as error:
        outcome.problem = str(error)
    outcome.skipped = +outcome.skipped
    return outcome


def _variant(
    worker: _Worker,
    image: Bgr,
    faces: Sequence[tuple[Sample, Mesh]],
    objects: Sequence[voc.VocObject],
    source: Source,
    variant: Variant,
) -> tuple[Bgr, list[tuple[Sample, str]]]:
    """Return a picture with its faces treated, and what was put on which of them."""
    result, done = image, []
    for target, mesh in faces:
        rng = np.random.default_rng((*variant.seed, 1 + target.index))
        if variant.style == OCCLUDED:
            others = [item.box for item in objects if item.index != target.index]
            changed = _hide(result, mesh, source.piece(rng), others, rng)
        else:
            changed = _mask(worker, result, mesh, variant.style, target, rng)
        if changed:
            result, name = changed
            done.append((target, name))
    return result, done


def _hide(
    image: Bgr, mesh: Mesh, piece: Bgr | None, others: Sequence[Box], rng: np.random.Generator
) -> tuple[Bgr, str] | None:
    """Return a picture with something before one mouth and what; None if it hid others, too."""
    for _ in range(_DRAWS):
        name, layers = occlude(image, mesh, piece, rng)
        if all(sum(_area(layer, box) for layer in layers) <= _HIDDEN * box.area for box in others):
            return blend(image, layers, mesh, rng), name
    return None


def _mask(
    worker: _Worker,
    image: Bgr,
    mesh: Mesh,
    style: str,
    sample: Sample,
    rng: np.random.Generator,
) -> tuple[Bgr, str] | None:
    """Return a picture with a mask on one face and which; None if it is not seen."""
    template = worker.template(rng)
    grid = place(mesh, style, template, rng)
    layer = warp(template, grid)
    if not _is_seen(layer, mesh, sample.box, image):
        return None
    loops = straps(mesh, grid, rng)
    layers = [layer] if loops is None else [loops, layer]
    return blend(image, layers, mesh, rng), template.name


def _is_seen(layer: Layer, mesh: Mesh, box: Box | None, image: Bgr) -> bool:
    """Tell whether enough of a mask lies where the face is looked at."""
    height, width = image.shape[:2]
    view = square_around(box, _MARGIN).clip(width, height) if box else Box(0, 0, width, height)
    face = cv2.contourArea(cv2.convexHull(mesh.outline))
    return _area(layer, view) >= _LEAST_SEEN * face


def _area(layer: Layer, box: Box) -> float:
    """Return how many pixels of a box a layer covers."""
    rows = slice(max(0, int(box.y1) - layer.y), max(0, int(box.y2) - layer.y))
    columns = slice(max(0, int(box.x1) - layer.x), max(0, int(box.x2) - layer.x))
    return float(layer.alpha[rows, columns].sum())


def _jpeg(image: Bgr, path: Path) -> bytes:
    data = images.encode(image, ".jpg", QUALITY)
    if data is None:
        raise InputError(f"{path} has more pixels than a JPEG file can hold")
    return data


def _objects(job: Job, image: Bgr) -> tuple[voc.VocObject, ...]:
    """Return all labelled faces of a photograph; none of a picture that is one as a whole.

    Raises:
        InputError: its VOC file cannot be read.
    """
    target = job.targets[0]
    if target.box is None:
        return ()
    height, width = image.shape[:2]
    found = voc.read(voc_path(target.path), width, height).objects
    return tuple(replace(item, difficult=item.index in job.difficult) for item in found)


def _made(
    job: Job,
    variant: Variant,
    image: Bgr,
    objects: Sequence[voc.VocObject],
    source: Source,
    done: Sequence[tuple[Sample, str]],
) -> Made:
    treated = {target.index for target, _ in done}
    pieced = source.path != job.targets[0].path and any(name == PATCH for _, name in done)
    return Made(
        job.file(done[0][0].index, variant),
        variant.label,
        variant.style,
        tuple(target for target, _ in done),
        tuple(name for _, name in done),
        (image.shape[1], image.shape[0]),
        tuple(
            replace(item, label=variant.label) if item.index in treated else item
            for item in objects
        ),
        source.path if pieced else None,
    )
