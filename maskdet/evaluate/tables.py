"""What an evaluation says, as tables: for the terminal and for the report alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maskdet.classes import CLASSES, WITH_MASK, WITHOUT_MASK
from maskdet.evaluate.truth import MIN_SIDE

NONE = "-"
"""What stands for a figure that there is not."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; the first column is text, the others are figures.

    ``groups`` are the numbers of the rows that something new begins with.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: Collection[int] = ()


def tables(metrics: Mapping[str, Any]) -> list[Table]:
    """Return what ``run.evaluate`` measured, in the order in which it should be read."""
    return [
        *([*_classifier(metrics["true_boxes"])] if "true_boxes" in metrics else []),
        *([*_detection(metrics)] if "pipeline" in metrics else []),
        *([_complaints(metrics["complaints"])] if metrics.get("complaints") else []),
        _slices(metrics["slices"], metrics.get("min_side", MIN_SIDE)),
    ]


def heading(metrics: Mapping[str, Any]) -> str:
    """Return in a line what was measured on what."""
    faces = metrics["faces"]
    counts = ", ".join(f"{count} {name}" for name, count in faces.items())
    said = metrics["predictions"]
    what = said["file"] if said else metrics["model"]
    if not said and "pipeline" in metrics:  # on crops alone, no face was looked for
        what += f", {metrics['detector']}"
        if metrics.get("face_model") not in (None, metrics["model"]):
            what += f" ({metrics['face_model']})"
    part = f" ({metrics['split']})" if metrics["split"] else ""
    return (
        f"{what} on {metrics['data']}{part}: {metrics['pictures']} pictures, "
        f"{sum(faces.values())} faces ({counts})"
    )


def text(table: Table) -> str:
    """Return a table as lines of text, columns aligned."""
    lines = [table.header, *table.rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(table.header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        return "  ".join(cells).rstrip()

    written = [line(row) for row in table.rows]
    for number in sorted(table.groups, reverse=True):
        written.insert(number, "")
    return "\n".join([table.title, line(table.header), *written])


def value(figure: Mapping[str, Any]) -> str:
    """Return a figure without its interval as text."""
    return NONE if figure["value"] is None else f"{figure['value']:.3f}"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return NONE
    return f"{figure['low']:.3f} to {figure['high']:.3f}"


def _figures(title: str, named: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [(name, value(figure), _interval(figure)) for name, figure in named.items()]
    return Table(title, ("", "value", "95 % interval"), rows)


def cell(figure: Mapping[str, Any] | int) -> str:
    """Return a count, or a value with its interval, as text."""
    if isinstance(figure, int):
        return str(figure)
    if figure["low"] is None:
        return value(figure)
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _grid(
    title: str,
    corner: str,
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    columns: Mapping[str, str],
    groups: Collection[int] = (),
) -> Table:
    cells = [(name, *(cell(row[key]) for key in columns.values())) for name, row in rows]
    return Table(title, (corner, *columns), cells, groups)


def _classifier(boxes: Mapping[str, Any]) -> Iterator[Table]:
    yield _figures(
        f"{boxes['classifier']} on {boxes['faces']} true boxes, both sides >= "
        f"{boxes['min_side']:g} px",
        {
            "accuracy": boxes["accuracy"],
            "balanced accuracy": boxes["balanced_accuracy"],
            "macro precision": boxes["macro_precision"],
            "macro F1": boxes["macro_f1"],
            "accuracy, incorrect as without": boxes["two_class_accuracy"],
            "calibration error (ECE)": boxes["ece"],
        },
    )
    yield _grid(
        "By class, on true boxes",
        "class",
        boxes["by_class"].items(),
        {
            "precision": "precision",
            "recall": "recall",
            "F1": "f1",
            "ROC AUC": "roc_auc",
            "PR AUC": "average_precision",
        },
    )
    yield Table(
        "Confusion on true boxes: rows true, columns predicted",
        ("", *CLASSES),
        [(name, *map(str, row)) for name, row in zip(CLASSES, boxes["confusion"], strict=True)],
    )


def _detection(metrics: Mapping[str, Any]) -> Iterator[Table]:
    detector, pipeline = metrics["face_detector"], metrics["pipeline"]
    shown = ("recall", "precision", "average_precision")
    yield _grid(
        f"The face detector alone: {detector['found']} of {detector['faces']} faces found, "
        f"{detector['false_alarms']} false alarms at score {metrics['min_score']:g}",
        "faces",
        [("all", detector), *detector["by_size"].items()],
        {"n": "faces"} | dict(zip(("recall", "precision", "AP at IoU 0.5"), shown, strict=True)),
    )
    rates = pipeline["undetected_as_masked"]
    yield _figures(
        f"The pipeline: {pipeline['found']} faces found, {pipeline['false_alarms']} false alarms",
        {
            "mAP at IoU 0.5": pipeline["map"],
            "mAP, incorrect as without": pipeline["two_class_map"],
            "macro F1": pipeline["macro_f1"],
            "macro F1, incorrect as without": pipeline["two_class_macro_f1"],
            "faces: recall": pipeline["face_recall"],
            "faces: precision": pipeline["face_precision"],
            "found faces: right label": pipeline["accuracy"],
            "found faces: right label, incorrect as without": pipeline["two_class_accuracy"],
        },
    )
    by_class, two = pipeline["by_class"], pipeline["two_classes"]
    yield _grid(
        "By class, the pipeline",
        "class",
        [*by_class.items(), *((f"of two: {name}", row) for name, row in two.items())],
        {"AP": "average_precision", "precision": "precision", "recall": "recall", "F1": "f1"},
        groups=[len(by_class)],
    )
    names = {WITH_MASK: "masked", WITHOUT_MASK: "bare, or worn wrongly"}
    yield Table(
        "What becomes of a face",
        ("truth", "faces", "found and right", "found and wrong", "not found"),
        [
            (names[name], *(str(row[key]) for key in ("faces", "right", "wrong", "not_found")))
            for name, row in pipeline["table"].items()
        ],
    )
    yield _figures(
        "Where a face that is not found counts as masked",
        {
            "true negative rate": rates["true_negative_rate"],
            "false negative rate": rates["false_negative_rate"],
            "ROC AUC": rates["roc_auc"],
        },
    )


def _complaints(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "What users of such programs complain of first, and how often it happens",
        ("", "tag", "n", "of these faces", "n", "of all of the class"),
        [
            (
                row["complaint"],
                row["tag"],
                str(row["faces"]),
                cell(row["happens"]),
                str(row["all"]["faces"]),
                cell(row["all"]["happens"]),
            )
            for row in rows
        ],
    )


def _slices(slices: Sequence[Mapping[str, Any]], min_side: float) -> Table:
    def recall(row: Mapping[str, Any], name: str) -> str:
        figure = row["recall"][name]
        return f"{value(figure)} of {figure['faces']}" if figure["faces"] else NONE

    rows = [
        (
            f"{row['by']}: {row['value']}" if row["value"] else row["by"],
            str(row["faces"]),
            cell(row["found"]),
            str(row["judged"]),
            cell(row["right"]),
            *(recall(row, name) for name in CLASSES),
        )
        for row in slices
    ]
    by = [row["by"] for row in slices]
    return Table(
        "Kinds of faces: share found; share of the labels that are right, of all and by class "
        f"(judged: both sides >= {min_side:g} px, but for the rows by size)",
        ("faces", "n", "found", "judged", "right", *CLASSES),
        rows,
        [number for number in range(1, len(by)) if by[number] != by[number - 1]],
    )
