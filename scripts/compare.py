#!/usr/bin/env python
"""Measure maskdet beside its rivals, by the same ruler, on labelled photographs.

\b
    python scripts/compare.py --yunet face_detection_yunet_2023mar.onnx
    python scripts/compare.py --model model/mine --model mask_mobilenetv2
    python scripts/compare.py --predictions "other=other.jsonl@0.6" --no-rival

\b
In one table, each with 95 % intervals by bootstrap over photographs:
- maskdet's own detectors: by themselves (as detect does by default), with the classifier's second
  opinion, and with the classifier's alone
- maskdet's classifiers behind the SSD, as it looks at pictures, and behind YuNet
- face-mask-detector 0.2.3 from PyPI: its own code on its own networks
- its classifier behind maskdet's SSD and behind YuNet
- what any other program has written as JSON Lines (see 'maskdet evaluate -h'), with the
  detector's score from which it shows a face after an @

Average precision is over the whole curve down to a detector's score of 0.05, for all alike. The
rival runs in a process of its own; what it says is kept in --cache, for the next time. Needs the
extra dev, and the rival beside it, where it is in nobody's way:

\b
    .venv/bin/pip install --no-deps --target build/rival \\
        face-mask-detector==0.2.3 tf_keras importlib_resources
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from bench_detect import RIVAL as RIVAL_FOLDER
from bench_detect import environment, shipped
from compare_report import RIVAL, report
from tqdm import tqdm

from maskdet import faces, files, images
from maskdet.classes import INCORRECT
from maskdet.detect.pipeline import BOTH, NO_CLASSIFIER, Pipeline, load_pipeline
from maskdet.errors import MaskdetError
from maskdet.evaluate.bootstrap import RESAMPLES
from maskdet.evaluate.run import evaluate
from maskdet.labels.ap import LEAST_SCORE
from maskdet.layout import voc_path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("MASKDET_CORPUS") or ROOT / "../shared/data")
WORKER = Path(__file__).resolve().parent / "compare_rival.py"
RIVAL_MIN_SCORE = 0.5
"""The detector's score from which the rival shows a face."""


@dataclass(frozen=True)
class Detector:
    """A face detector of maskdet's, as ``faces.create`` takes it."""

    name: str
    weights: Path | None = None
    size: int | None = None

    def __str__(self) -> str:
        return f"{self.name}, {self.size}" if self.size else self.name


@dataclass(frozen=True)
class Said:
    """What a program has said, and the least detector's score of what it shows."""

    name: str
    lines: Path
    min_score: float


@contextmanager
def each(scenes: Path, every: int) -> Iterator[Path]:
    """Yield a folder with each ``every``-th photograph and its labels."""
    if every == 1:
        yield scenes
        return
    with tempfile.TemporaryDirectory() as name:
        for path in images.find(scenes)[::every]:
            place = Path(name, path.relative_to(scenes))
            files.make_folder(place.parent)
            for source, target in ((path, place), (voc_path(path), voc_path(place))):
                if source.is_file():
                    files.copy(source, target, link=True)
        yield Path(name)


def ask_rival(rival: Path, scenes: Path, detector: Detector | None, cache: Path) -> Said:
    """Let the rival label photographs behind a detector (None: its own), or look it up."""
    arguments: list[str] = []
    used = [WORKER]
    if detector:
        arguments += ["--detector", detector.name]
        code = ROOT / "maskdet" / "faces"
        used += [code / f"{name}.py" for name in ("__init__", "base", detector.name)]
        if detector.weights:
            arguments += ["--face-model", str(detector.weights)]
            used.append(detector.weights)
        if detector.size:
            arguments += ["--face-size", str(detector.size)]
    known = hashlib.sha256(str(detector).encode())
    for path in (*used, *images.find(scenes)):
        known.update(f"{path.name} {files.sha256(path)}\n".encode())
    lines = files.make_folder(cache) / f"rival-{known.hexdigest()[:16]}.jsonl"
    if not lines.is_file():
        click.echo(f"asking {RIVAL}, behind {detector or 'its own detector'}", err=True)
        done = subprocess.run(
            [sys.executable, str(WORKER), str(scenes), str(lines), *arguments],
            env=environment(rival),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise click.ClickException(f"{RIVAL} failed:\n{done.stderr}")
    if detector is None:
        return Said(RIVAL, lines, RIVAL_MIN_SCORE)
    usual = faces.create(detector.name, detector.weights, size=detector.size).min_score
    return Said(f"{RIVAL}, {detector}", lines, usual)


def measure(
    scenes: Path, name: str, measured: Pipeline | Path, working: float, resamples: int
) -> dict[str, Any]:
    """Measure one contender at its working threshold, and over the whole curve."""
    bars = partial(tqdm, file=sys.stderr, disable=None)
    result = evaluate(scenes, measured, working, resamples=resamples, progress=bars)
    for line in (*result.notes, *result.problems):
        click.echo(f"{name}: {line}", err=True)
    if result.detection is None:
        raise click.ClickException(f"in {scenes} there are no photographs with VOC files")
    found = [face for item in result.detection.observations for face in item.found]
    labels = {label for face in found for label in (face.label, *face.scores)}
    return {"name": name, "three_classes": INCORRECT in labels, "metrics": result.metrics}


def pipelines(
    models: Sequence[str], detectors: Sequence[Detector], owns: Sequence[str]
) -> Iterator[tuple[str, dict[str, str], Callable[..., Pipeline]]]:
    """Yield each of maskdet's contenders: its name, whose figures it has, and what loads it."""
    for model in models:
        for detector in detectors:
            load = partial(
                load_pipeline, model, detector.name, detector.weights, face_size=detector.size
            )
            yield f"{model}, {detector}", {"model": model}, load
    for own in owns:
        for classifier, said in (
            (NO_CLASSIFIER, own),
            (BOTH, f"{own} and {models[0]}"),
            (models[0], f"{models[0]}, {own}"),
        ):
            model = models[0] if classifier == BOTH else None
            load = partial(load_pipeline, model, "maskdet", Path(own), classifier=classifier)
            yield said, {"own": own}, load


def parse_said(_: click.Context, __: click.Parameter, given: Sequence[str]) -> list[Said]:
    """Return what ``NAME=FILE[@SCORE]`` means."""
    said = []
    for text in given:
        found = re.fullmatch(r"([^=]+)=(.+?)(?:@(\d*\.?\d+))?", text)
        if not found or not Path(found[2]).is_file():
            raise click.BadParameter(f"{text!r} is no NAME=FILE[@SCORE] of a file that is there")
        said.append(Said(found[1], Path(found[2]), float(found[3] or 0)))
    return said


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--scenes", type=click.Path(path_type=Path), default=CORPUS / "dev_scenes")
@click.option("--model", "models", multiple=True, help="[default: all in the folder model]")
@click.option(
    "--own", "owns", multiple=True, help="A detector of maskdet's own. [default: all in model]"
)
@click.option(
    "--yunet", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its model file."
)
@click.option(
    "--face-size", "sizes", type=int, multiple=True, help="Of the SSD, for one that is set."
)
@click.option(
    "--predictions", "others", multiple=True, metavar="NAME=FILE[@SCORE]", callback=parse_said
)
@click.option("--rival", type=click.Path(path_type=Path), default=RIVAL_FOLDER, help="Where it is.")
@click.option("--no-rival", is_flag=True, help="Leave the rival from PyPI out.")
@click.option("--every", type=click.IntRange(1), default=1, help="Take each N-th photograph.")
@click.option("--resamples", type=click.IntRange(0), default=RESAMPLES, show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), default=ROOT / "build" / "compare")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here."
)
def main(
    scenes: Path,
    models: tuple[str, ...],
    owns: tuple[str, ...],
    yunet: Path | None,
    sizes: tuple[int, ...],
    others: list[Said],
    rival: Path,
    no_rival: bool,
    every: int,
    resamples: int,
    cache: Path,
    json_file: Path | None,
) -> None:
    if not scenes.is_dir():
        raise click.ClickException(f"{scenes} is missing: give --scenes or set MASKDET_CORPUS")
    if not no_rival and RIVAL not in installed(rival):
        raise click.ClickException(f"no {RIVAL} in {rival}: see -h for how to install it")
    detectors = [Detector("ssd", size=size) for size in (None, *sizes)]
    if yunet:
        detectors.append(Detector("yunet", yunet.resolve()))
    rows = []
    try:
        with each(scenes, every) as folder:
            ours = list(
                pipelines(
                    models or shipped("classification"), detectors, owns or shipped("detection")
                )
            )
            # All are loaded first: what cannot be shows before hours of measuring.
            usual = [load().detector.min_score for _, _, load in ours]
            behind = [] if no_rival else [None, *detectors]
            said = [ask_rival(rival.resolve(), folder, detector, cache) for detector in behind]
            for (name, whose, load), working in zip(ours, usual, strict=True):
                pipeline = load(min_score=min(LEAST_SCORE, working))
                rows.append(measure(folder, name, pipeline, working, resamples) | whose)
            for item in (*said, *others):
                rows.append(measure(folder, item.name, item.lines, item.min_score, resamples))
    except (MaskdetError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    figures = {"scenes": scenes.name, "every": every, "contenders": rows}
    if json_file:
        files.write_bytes(json_file, (json.dumps(figures, indent=2) + "\n").encode())
    click.echo(report(figures))


def installed(folder: Path) -> list[str]:
    """Return what pip has put into a folder, by name and version."""
    found = importlib.metadata.distributions(path=[str(folder)])
    return [f"{item.name.replace('_', '-')} {item.version}" for item in found]


if __name__ == "__main__":
    main()
