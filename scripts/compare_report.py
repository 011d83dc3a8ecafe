"""What ``compare.py`` prints: its figures as Markdown, and what they were to reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from maskdet.classes import INCORRECT
from maskdet.evaluate.tables import NONE, cell

RIVAL = "face-mask-detector 0.2.3"
BOXES = "true_boxes"

COLUMNS = {
    "face AP": ("face_detector", "average_precision"),
    "mAP, 2 classes": ("pipeline", "two_class_map"),
    "mAP, 3 classes": ("pipeline", "map"),
    "right label": ("pipeline", "two_class_accuracy"),
    "recall": ("pipeline", "face_recall"),
    "precision": ("pipeline", "face_precision"),
    "F1": ("pipeline", "two_class_macro_f1"),
    "boxes: accuracy": (BOXES, "accuracy"),
    "boxes: macro-F1": (BOXES, "macro_f1"),
    "boxes: incorrect recall": (BOXES, "by_class", INCORRECT, "recall"),
    "boxes: ECE": (BOXES, "ece"),
}
THREE = "mAP, 3 classes"
"""The column that only programs with three classes have."""

LEAST_F1 = 0.90
LEAST_INCORRECT = 0.80
LEAST_RIGHT = 0.97
MOST_ECE = 0.03
TIMES_RIVAL = 1.5
OWN = {"face AP": 0.89, "mAP, 2 classes": 0.82, "right label": LEAST_RIGHT, "F1": 0.82}
OWN_SMALL = {"face AP": 0.84, "mAP, 2 classes": 0.74}
YUNET_MAP = 0.68


def report(figures: Mapping[str, Any]) -> str:
    """Return the figures as Markdown: what they are, a table and the targets."""
    contenders = figures["contenders"]
    first = contenders[0]["metrics"]
    sides = {row["metrics"][BOXES]["min_side"] for row in contenders if BOXES in row["metrics"]}
    counts = ", ".join(f"{count} {name}" for name, count in first["faces"].items())
    part = "" if figures["every"] == 1 else f", one photograph in {figures['every']}"
    lines = [
        f"{figures['scenes']}{part}: {first['pictures']} photographs, "
        f"{sum(first['faces'].values())} faces ({counts}). In brackets 95 % intervals by bootstrap "
        f"over photographs, {first['resamples']} draws. AP at IoU 0.5 over the whole curve, down "
        f"to a detector's score of {first['least_score']:g}; right label (of the faces that are "
        "found), recall, precision and F1 (mean of both classes) at the score from which the "
        "program shows a face. Of two classes, a mask worn wrongly counts as none. Boxes: the "
        "classifier on the true boxes"
        + "".join(f" of at least {side:g} px" for side in sorted(sides))
        + ", three classes.",
        "",
        f"| | {' | '.join(COLUMNS)} |",
        f"| --- {'| ---: ' * len(COLUMNS)}|",
    ]
    for row in contenders:
        cells = [NONE if _lacks(row, name) else cell(_figure(row, name)) for name in COLUMNS]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    lines += ["", "| target | measured | reached |", "| --- | ---: | --- |"]
    for text, measured, reached in targets(contenders):
        lines.append(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def targets(contenders: list[dict[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """Yield what was to be reached, what was measured, and whether that is enough."""
    ours = [row for row in contenders if "model" in row]
    models: dict[str, dict[str, Any]] = {}
    for row in ours:
        models.setdefault(row["model"], row)  # the true boxes are the same behind each detector
    for model, row in models.items():
        for column, least in (
            ("boxes: macro-F1", LEAST_F1),
            ("boxes: incorrect recall", LEAST_INCORRECT),
        ):
            if not _lacks(row, column):
                yield _least(row, column, least, f"{model}, {column}")
        if not _lacks(row, "boxes: ECE"):
            ece = _figure(row, "boxes: ECE")
            yield f"{model}, boxes: ECE at most {MOST_ECE}", cell(ece), _value(ece) <= MOST_ECE
    for row in contenders:
        if "own" in row:
            for column, least in (OWN_SMALL if row["own"].endswith("_small") else OWN).items():
                yield _least(row, column, least, f"{row['name']}: {column}")
    reference = [row for row in contenders if row["name"] == RIVAL]
    for row in ours:
        yield _least(row, "right label", LEAST_RIGHT, f"{row['name']}: right label")
        whole = _figure(row, "mAP, 2 classes")
        if row["metrics"]["detector"] == "yunet":
            text = f"{row['name']}: mAP, 2 classes above {YUNET_MAP}"
            yield text, cell(whole), _value(whole) > YUNET_MAP
        elif reference:
            least = TIMES_RIVAL * _value(_figure(reference[0], "mAP, 2 classes"))
            text = f"{row['name']}: mAP, 2 classes at least {TIMES_RIVAL} x that of {RIVAL}"
            yield f"{text}, {least:.3f}", cell(whole), _value(whole) >= least


def _least(row: dict[str, Any], column: str, least: float, text: str) -> tuple[str, str, bool]:
    figure = _figure(row, column)
    return f"{text} at least {least:.2f}", cell(figure), _value(figure) >= least


def _lacks(row: dict[str, Any], column: str) -> bool:
    if column == THREE:
        return not row["three_classes"]
    return COLUMNS[column][0] not in row["metrics"]


def _figure(row: dict[str, Any], column: str) -> dict[str, float | None]:
    found: Any = row["metrics"]
    for key in COLUMNS[column]:
        found = found[key]
    figure: dict[str, float | None] = found
    return figure


def _value(figure: Mapping[str, float | None]) -> float:
    """Return the value; nan, which reaches nothing, where there is none."""
    value = figure["value"]
    return float("nan") if value is None else value
