from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ModelMaker

from maskdet import images
from maskdet.detect.pipeline import load_pipeline
from maskdet.errors import OutputError
from maskdet.evaluate import plots, report, tables
from maskdet.evaluate.run import Evaluation, evaluate
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.types import Box


@pytest.fixture
def of_crops(tmp_path: Path, make_model: ModelMaker) -> Evaluation:
    """Two crops of which one is taken for the other class."""
    for name in ("with_mask/a.png", "without_mask/b.png"):
        (tmp_path / "crops" / name).parent.mkdir(parents=True)
        images.write(tmp_path / "crops" / name, np.zeros((40, 30, 3), np.uint8))
    model = make_model(tmp_path / "model", bias=[2, 0, 0])
    return evaluate(tmp_path / "crops", load_pipeline(model), resamples=0)


@pytest.fixture
def of_predictions(tmp_path: Path) -> Evaluation:
    """A picture with a face that is taken for another class, and one without a face."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    box = Box(10, 10, 60, 60)
    for name, objects in {"a": [VocObject(0, "with_mask", box)], "b": []}.items():
        images.write(folder / f"{name}.png", np.zeros((80, 80, 3), np.uint8))
        voc.write(folder / f"{name}.xml", f"{name}.png", 80, 80, objects)
    face = {"box": box.to_list(), "label": "without_mask", "score": 0.8}
    (tmp_path / "said.jsonl").write_text(json.dumps({"image": "a.png", "faces": [face]}))
    return evaluate(folder, tmp_path / "said.jsonl", resamples=5)


@pytest.mark.parametrize(
    ("what", "plots", "titles"),
    [
        ("of_crops", 4, ("model on 2 true boxes", "Kinds of faces")),
        ("of_predictions", 1, ("The face detector alone: 1 of 1", "The pipeline", "Kinds of")),
    ],
)
def test_the_page_has_what_there_is(
    request: pytest.FixtureRequest, tmp_path: Path, what: str, plots: int, titles: tuple[str, ...]
) -> None:
    result: Evaluation = request.getfixturevalue(what)
    metrics, page = report.write(result, tmp_path / "out")
    assert json.loads(metrics.read_text()) == result.metrics
    text = page.read_text()
    assert text.count("data:image/svg+xml") == plots
    assert text.count("data:image/jpeg") == 1
    assert "wrong label: 1" in text
    assert "nan" not in text.split("<h2>Curves</h2>")[0]
    for title in titles:
        assert f"<h2>{title}" in text


def test_a_curve_begins_at_recall_0(of_predictions: Evaluation) -> None:
    # With a score for all, it has a single point: by itself, that is no line.
    svg = plots.plots(of_predictions)["Precision and recall of the face detector and the pipeline"]
    curve, *_ = re.findall(
        r'<path d="M ([\d.]+) [\d.]+ ([^"]*)" clip-path="[^"]*" style="fill: none; stroke: #000000',
        svg.decode(),
    )
    assert float(curve[0]) < 100
    assert float(re.findall(r"L ([\d.]+)", curve[1])[-1]) > 300


def test_the_legend_leaves_few_right_answers_free(of_crops: Evaluation) -> None:
    svg = plots.plots(of_crops)["Reliability on true boxes"].decode()
    height = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)[1])  # type: ignore[index]
    legend = re.search(r'<g id="legend_1">.*?<path d="M [\d.]+ ([\d.]+)', svg, re.DOTALL)
    assert float(legend[1]) > 0.7 * height  # type: ignore[index]


def test_the_report_says_what_was_asked_for(of_predictions: Evaluation, tmp_path: Path) -> None:
    of_predictions.metrics |= {"exclude": [*"abcdefg"], "min_face": 9, "tags": "t.csv"}
    text = report.write(of_predictions, tmp_path / "out")[1].read_text()
    assert "Left out: a, b, c, d, e and what 2 more patterns fit. Detections under 9 px" in text
    assert "Tags: t.csv." in text


@pytest.mark.parametrize(("min_side", "shown"), [({}, "24"), ({"min_side": 0}, "0")])
def test_the_slices_say_whose_labels_are_judged(
    of_crops: Evaluation, min_side: dict[str, float], shown: str
) -> None:
    title = tables.tables(of_crops.metrics | min_side)[-1].title
    assert f"(judged: both sides >= {shown} px, but for the rows by size)" in title


def test_the_same_figures_give_the_same_page(of_crops: Evaluation, tmp_path: Path) -> None:
    pages = [report.write(of_crops, tmp_path / name)[1].read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_a_place_that_cannot_be_written_to(of_crops: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        report.write(of_crops, tmp_path / "file" / "out")


def test_a_table_as_text() -> None:
    table = tables.Table("Title", ("name", "value"), [("a", "1.000"), ("longer", "-")])
    assert tables.text(table) == "Title\nname    value\na       1.000\nlonger      -"
