"""A folder of labelled pictures in, a folder of synthetic ones out."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from maskdet import files, processes
from maskdet.catalog import find_root
from maskdet.classes import WITHOUT_MASK
from maskdet.errors import InputError, OutputError
from maskdet.labels import dataset, voc
from maskdet.labels.dataset import Sample
from maskdet.labels.manifest import Manifest
from maskdet.labels.records import Names
from maskdet.layout import voc_path
from maskdet.progress import SILENT, Progress
from maskdet.synth import ledger, worker
from maskdet.synth.place import MASK_STYLES
from maskdet.synth.worker import Job, Made, Outcome, Target

KIND = "synthetic"
"""What the column ``kind`` of a manifest says of every picture that was made here."""

SHARES = {"correct": 0.3, "under_nose": 0.3, "under_mouth": 0.2, "chin": 0.2, "occluded": 0.3}
"""How often each style is drawn, compared with the others that are wanted."""

_WORTH_PROCESSES = 24
_AT_ONCE = 100
"""Pictures after which what is done is written down."""


@dataclass(frozen=True)
class SynthOptions:
    """What is made of which faces.

    ``styles`` are of ``place.STYLES``; ``count`` is of pictures for each face; ``limit`` the most
    faces that are looked at, drawn by ``seed``; ``templates`` a folder, None to draw the masks,
    of which ``drawn`` is the part that is drawn nevertheless; ``min_face`` in pixels, ``max_yaw``
    in degrees; ``exclude`` as for ``dataset.load``.
    """

    styles: Sequence[str] = MASK_STYLES
    count: int = 1
    limit: int | None = None
    templates: Path | None = None
    drawn: float = 0.0
    seed: int = 0
    min_face: float = 40.0
    max_yaw: float = 35.0
    exclude: Sequence[str] = ()
    overwrite: bool = False
    workers: int | None = None


@dataclass
class Synthesised:
    """What was made: every picture; counts of faces by class; faces left out by reason; in words
    what could not be processed."""

    made: list[Made] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def synthesise(
    root: Path, out: Path, options: SynthOptions, progress: Progress = SILENT
) -> Synthesised:
    """Put masks on bare faces, or something else before their mouths.

    Faces labelled ``without_mask`` that are not difficult are treated, see ``dataset.load``. Of a
    photograph with a VOC file, the whole is written with its new VOC file: all boxes stay, and
    treated faces have their new class; all its chosen faces get the same style at once. A picture
    that is a face as a whole goes to a folder of its new class. ``manifest.csv`` in ``out`` names
    the origin of every picture, and its group; where ``out`` lies in a data set, so does the
    ledger. The same options give the same bytes.

    Large folders are shared among processes: a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Args:
        root: the labelled pictures.
        out: is made where it does not exist; may not lie in ``root``.
        options: see SynthOptions.
        progress: makes the bar.

    Raises:
        InputError: no bare face is labelled, or ``out`` or the templates cannot be used.
        ModelError: the landmark network is missing or altered.
        OutputError: something cannot be written, or is there already.
    """
    if files.absolute(out).is_relative_to(files.absolute(root)):
        raise InputError(f"{out} lies in {root}: what is made would be taken for an original")
    data = dataset.load([root], options.exclude)
    result = Synthesised(problems=data.problems)
    jobs = _plan(root, data.samples, options)
    if not jobs:
        raise InputError(f"no face in {root} is labelled {WITHOUT_MASK}")
    _refuse_to_replace(out, jobs, options.overwrite)
    setting = worker.Setting(options.templates, options.drawn, options.min_face, options.max_yaw)
    manifest = Manifest(files.make_folder(out))
    known = Manifest(root)
    base = find_root(out) or files.absolute(root).parent
    waiting: list[Outcome] = []
    outcomes = _work(jobs, setting, options.workers)
    for outcome in progress(outcomes, total=len(jobs), desc="masks", unit="picture"):
        waiting.append(outcome)
        if len(waiting) == _AT_ONCE:
            _write(out, manifest, known, base, options.seed, waiting, result)
            waiting = []
    _write(out, manifest, known, base, options.seed, waiting, result)
    ledger.enter(out, result.made)
    return result


def _work(jobs: list[Job], setting: worker.Setting, workers: int | None) -> Iterator[Outcome]:
    workers = workers or os.cpu_count() or 1
    if len(jobs) < _WORTH_PROCESSES or workers == 1:
        worker.settle_in(setting)
        yield from map(worker.treat, jobs)
        return
    worker.check(setting)  # in this process, where errors have their own kind
    with processes.pool(workers, worker.settle_in, setting) as pool:
        yield from pool.map(worker.treat, jobs, chunksize=4)


def _plan(root: Path, samples: Sequence[Sample], options: SynthOptions) -> list[Job]:
    """Return what is to be done, in a stable order."""
    targets = [target for target in _targets(samples) if _is_bare(target.sample)]
    if options.limit is not None and options.limit < len(targets):
        chosen = np.random.default_rng(options.seed).permutation(len(targets))[: options.limit]
        targets = [targets[index] for index in sorted(chosen)]
    by_picture: dict[Path, list[Target]] = {}
    for target in targets:
        by_picture.setdefault(target.sample.path, []).append(target)
    pictures = {sample.path: sample.split for sample in samples}
    names = Names(by_stem=True)
    weights = np.array([SHARES[style] for style in options.styles])
    jobs = []
    for path, some in by_picture.items():
        sample = some[0].sample
        folder = "" if sample.box is None else path.relative_to(root).parent.as_posix()
        stem = str(PurePosixPath(names.take(str(PurePosixPath(folder, path.name)))).with_suffix(""))
        same_part = [other for other, split in pictures.items() if split == sample.split]
        for number in range(1, options.count + 1):
            seed = (options.seed, _digest(sample.name), number)
            rng = np.random.default_rng((*seed, 0))
            style = str(rng.choice(list(options.styles), p=weights / weights.sum()))
            other = same_part[int(rng.integers(len(same_part)))]
            jobs.append(Job(tuple(some), style, number, seed, stem, other))
    return jobs


def _targets(samples: Sequence[Sample]) -> list[Target]:
    """Return every face with its place in its picture's VOC file."""
    by_picture: dict[Path, list[Sample]] = {}
    for sample in samples:
        by_picture.setdefault(sample.path, []).append(sample)
    targets = []
    for path, some in by_picture.items():
        indices = [0] * len(some)
        if some[0].box is not None:
            indices = [item.index for item in worker.read_voc(path)]
        targets += [Target(sample, index) for sample, index in zip(some, indices, strict=True)]
    return targets


def _is_bare(sample: Sample) -> bool:
    return sample.label == WITHOUT_MASK and not sample.difficult


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8])


def _refuse_to_replace(out: Path, jobs: Sequence[Job], overwrite: bool) -> None:
    possible = (out / job.file(target.index) for job in jobs for target in job.targets)
    there = [path for path in possible if path.exists()]
    if there and not overwrite:
        raise OutputError(
            f"{len(there)} files are there already, first {there[0]}: name another --out, "
            "or --overwrite them"
        )


def _write(
    out: Path,
    manifest: Manifest,
    known: Manifest,
    base: Path,
    seed: int,
    outcomes: Sequence[Outcome],
    result: Synthesised,
) -> None:
    """Write what is done: the manifest first, or a run that is killed would leave pictures whose
    group nobody knows."""
    for outcome in outcomes:
        result.skipped.update(outcome.skipped)
        result.problems += [outcome.problem] if outcome.problem else []
        if outcome.made:
            made = outcome.made
            result.made.append(made)
            result.labels.update([made.label] * len(made.targets))
            manifest.set(made.file, _row(made, known, base, seed))
    manifest.write()
    for outcome in outcomes:
        if outcome.made:
            path = out / outcome.made.file
            files.make_folder(path.parent)
            files.write_bytes(path, outcome.jpeg)
            if outcome.made.objects:
                size = outcome.made.size
                voc.write(voc_path(path), path, *size, outcome.made.objects)


def _row(made: Made, known: Manifest, base: Path, seed: int) -> dict[str, str]:
    sample = made.targets[0].sample
    # The path below the root is what follows the root's name.
    origin = known.get(sample.name.partition("/")[2])
    row = {
        "class": made.label,
        "source": origin.get("source", ""),
        "kind": KIND,
        "style": made.style,
        "template": " ".join(made.templates),
        "seed": str(seed),
        "picture": files.name_from(sample.path, base),
        "object": " ".join(str(target.index) for target in made.targets),
        "group": sample.group,
    }
    return {**row, "split": sample.split} if sample.split else row
