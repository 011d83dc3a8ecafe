"""A folder of labelled pictures in, a folder of synthetic ones out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from maskdet import files, processes
from maskdet.catalog import find_root
from maskdet.classes import WITHOUT_MASK
from maskdet.errors import InputError, OutputError
from maskdet.labels import dataset, voc
from maskdet.labels.manifest import Manifest, alone, refuse_part
from maskdet.layout import voc_path
from maskdet.progress import SILENT, Progress
from maskdet.synth import ledger, worker
from maskdet.synth.plan import Job, SynthOptions, plan
from maskdet.synth.worker import Made, Outcome

KIND = "synthetic"
"""What the column ``kind`` of a manifest says of every picture that was made here."""

_WORTH_PROCESSES = 24
"""Pictures to make from which on the start of processes is worth its time."""
_AT_ONCE = 100
"""Pictures made after which what is done is written down."""


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

    Faces labelled ``without_mask`` that are not difficult are treated, see ``dataset.load``. A
    photograph with a VOC file is written as a whole with a VOC file of its own: all boxes stay,
    and treated faces have their new class; all its faces get the same style at once. A picture
    that is a face as a whole goes to a folder of its new class. ``manifest.csv`` in ``out`` names
    the origin of every picture, and has its group; where ``out`` lies in a data set with a
    ledger, that knows the origin, too. The same options give the same bytes.

    Large folders are shared among processes: a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Args:
        root: the labelled pictures.
        out: is made where it does not exist; may not lie in ``root``.
        options: see SynthOptions.
        progress: makes the bar.

    Raises:
        InputError: no bare face is labelled, ``out`` or the templates cannot be used, the
            manifest of ``root`` is that of a folder above, or another command is at work in
            ``out``.
        ModelError: the landmark network is missing or altered.
        OutputError: something cannot be written, or is there already.
    """
    if files.leads_below(out, root):
        raise InputError(f"{out} lies in {root}: what is made would be taken for an original")
    refuse_part(root)
    data = dataset.load([root], options.exclude)
    dataset.warn_of_idle(options.exclude, data)
    jobs, skipped = plan(root, [*data.samples, *data.empty.values()], options)
    if not jobs and not skipped:
        raise InputError(f"no face in {root} is labelled {WITHOUT_MASK}")
    result = Synthesised(skipped=skipped, problems=data.problems)
    with alone(files.make_folder(out)):
        _refuse_to_replace(out, jobs, options.overwrite)
        record = _Record(root, out, options.seed)
        outcomes = _work(jobs, options)
        shown = iter(progress(outcomes, total=len(jobs), desc="synth", unit="picture"))
        while some := list(islice(shown, max(1, _AT_ONCE // options.count))):
            record.write([pair for outcome in some for pair in outcome.made])
            for outcome in some:
                result.skipped.update(outcome.skipped)
                result.problems += [outcome.problem] if outcome.problem else []
                for made, _ in outcome.made:
                    result.made.append(made)
                    result.labels[made.label] += len(made.targets)
    return result


def _work(jobs: Sequence[Job], options: SynthOptions) -> Iterator[Outcome]:
    """Yield what becomes of each job, in their order, whoever does it."""
    workers = options.workers or os.cpu_count() or 1
    worker.load(options)  # here in any case, where errors have their own kind
    if len(jobs) * options.count < _WORTH_PROCESSES or workers == 1:
        yield from map(worker.treat, jobs)
        return
    with processes.pool(workers, worker.settle_in, options) as pool:
        yield from pool.map(worker.treat, jobs, chunksize=4)


def _refuse_to_replace(out: Path, jobs: Iterable[Job], overwrite: bool) -> None:
    possible = (
        out / job.file(target.index, variant)
        for job in jobs
        for variant in job.variants
        for target in job.targets
    )
    there = [path for path in possible if path.exists()]
    if there and not overwrite:
        raise OutputError(
            f"{len(there)} files are there already, first {there[0]}: choose another --out, or "
            "--overwrite them"
        )


class _Record:
    """Writes pictures and all that is to be known of them."""

    def __init__(self, root: Path, out: Path, seed: int) -> None:
        self._out = out
        self._seed = str(seed)
        self._known = Manifest(root)
        self._manifest = Manifest(out)
        # From where pictures are named: as in the ledger, else as in the data set.
        self._base = find_root(out) or files.absolute(root).parent

    def write(self, pictures: Sequence[tuple[Made, bytes]]) -> None:
        """Write some pictures; what is to be known of them first, or a run that is killed would
        leave some of which nobody knows the group."""
        made = [item for item, _ in pictures]
        # What stood there of a picture that is replaced is not true of the new one.
        self._manifest.remove(item.file for item in made)
        for item in made:
            self._manifest.set(item.file, self._row(item))
        self._manifest.write()
        ledger.enter(self._out, made)
        for item, jpeg in pictures:
            path = self._out / item.file
            files.make_folder(path.parent)
            if item.objects:
                voc.write(voc_path(path), path, *item.size, item.objects)
            files.write_bytes(path, jpeg)

    def _row(self, made: Made) -> dict[str, str]:
        sample = made.targets[0]
        # Below the root: without the root's own name, with which the sample's begins.
        origin = self._known.get(sample.name.partition("/")[2])
        row = {
            "class": made.label,
            "source": origin.get("source", ""),
            "kind": KIND,
            "style": made.style,
            "template": " ".join(made.templates),
            "seed": self._seed,
            "picture": files.name_from(sample.path, self._base),
            "object": " ".join(str(target.index) for target in made.targets),
            "group": sample.group,
        }
        if made.piece:
            row["piece"] = files.name_from(made.piece, self._base)
        return {**row, "split": sample.split} if sample.split else row
