from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskdet import images
from maskdet.cli import main
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.types import Box


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("a", "b"):
        images.write(folder / f"{name}.jpg", np.full((40, 60, 3), 128, np.uint8))
    faces = [
        VocObject(0, "with_mask", Box(1, 2, 30, 20)),
        VocObject(1, "without_mask", Box(30, 2, 50, 20), difficult=True),
    ]
    voc.write(folder / "a.xml", "a.jpg", 60, 40, faces)
    voc.write(folder / "b.xml", "b.jpg", 60, 40, [])
    return folder


def test_what_was_written_and_what_was_lost_is_printed(
    runner: CliRunner, photographs: Path, tmp_path: Path
) -> None:
    target = tmp_path / "yolo"
    result = runner.invoke(main, ["convert", str(photographs), str(target), "--to", "yolo"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{target}: 2 pictures, 2 faces (with_mask 1, without_mask 1)",
        "  without a face: 1",
        "  lost: 1 marks of difficult faces (the faces are kept)",
    ]
    assert result.stderr == ""
    assert (target / "labels/a.txt").read_text().startswith("0 0.258333333 ")


def test_what_cannot_be_used_is_listed_and_the_rest_written(
    runner: CliRunner, photographs: Path, tmp_path: Path
) -> None:
    (photographs / "a.xml").write_text("<annotation>")
    target = tmp_path / "coco"
    arguments = [str(photographs), str(target), "--to", "coco", "--link", "--from", "voc"]
    result = runner.invoke(main, ["convert", *arguments])
    assert result.exit_code == 3
    assert "a.xml is not readable XML" in result.stderr
    assert "1 files or labels could not be used" in result.stderr
    assert (target / "images/b.jpg").samefile(photographs / "b.jpg")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{in}", "{out}"], 2, "--to"),
        (["{in}/none", "{out}", "--to", "yolo"], 2, "does not exist"),
        (["{in}", "{out}", "--to", "yolo", "--from", "coco"], 3, "should hold one COCO file"),
        (["{in}", "{out}", "--to", "coco", "--from", "yolo"], 3, "neither a data.yaml"),
        (["{in}", "/dev/null", "--to", "yolo"], 3, "cannot create the folder"),
        (["{in}", "{in}/out", "--to", "yolo"], 3, "every picture twice"),
        (["{in}", "{out}/a/b/c.json", "--to", "coco"], 3, "lies too far"),
        (["{in}", "{out}.json", "--to", "voc"], 3, "names a JSON file, and voc is a folder"),
        *(
            (["{in}", "{in}/.", "--to", kind], 3, "is where the source lies")
            for kind in ("yolo", "coco", "crops")
        ),
        (["{in}/a.jpg", "{out}", "--to", "yolo"], 3, "a folder or a COCO .json is wanted"),
    ],
)
def test_bad_calls(
    runner: CliRunner, photographs: Path, arguments: list[str], code: int, message: str
) -> None:
    places = {"in": str(photographs), "out": str(photographs.parent / "out")}
    result = runner.invoke(main, ["convert", *(item.format(**places) for item in arguments)])
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert sorted(path.name for path in photographs.iterdir()) == [
        "a.jpg",
        "a.xml",
        "b.jpg",
        "b.xml",
    ]
    assert not (photographs.parent / "out.json").exists()
