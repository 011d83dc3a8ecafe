"""The script that measures a closer look at large pictures, on portraits."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ROOT

from maskdet import images
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.manifest import Manifest
from maskdet.types import Box


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import measure_large

    return measure_large


def test_quarters_show_what_the_whole_does_not(
    script: ModuleType, tmp_path: Path, astronaut: Bgr, runner: CliRunner
) -> None:
    wide = np.full((900, 1200, 3), 128, np.uint8)
    wide[:256, :256] = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    manifest = Manifest(tmp_path)
    half = Box(*(value / 2 for value in ASTRONAUT_FACE.to_list()))
    face = voc.VocObject(0, "without_mask", half)
    for number in range(10):
        images.write(tmp_path / f"{number}.png", wide)
        voc.write(tmp_path / f"{number}.xml", f"{number}.png", 1200, 900, [face])
        manifest.set(f"{number}.png", {"split": "val" if number else "train"})
    manifest.write()
    result = runner.invoke(script.main, [str(tmp_path), "--split", "val"])
    assert result.exit_code == 0, result.output
    rows = [line.strip("| ").split(" | ") for line in result.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["nine in one", "whole"],
        ["nine in one", "whole, quarters"],
        ["one, enlarged", "whole"],
        ["one, enlarged", "whole, quarters"],
    ]
    found = [float(row[3]) for row in rows]
    assert found[0] < found[1] == found[2] == found[3] == 1


def test_boxes_go_where_the_faces_are(script: ModuleType, astronaut: Bgr) -> None:
    face = voc.VocObject(0, "without_mask", ASTRONAUT_FACE)
    (crowd,) = script.crowds([(astronaut, [face])] * 10)
    (large, *_) = script.enlarged([(astronaut, [face])])
    for canvas, objects in (crowd, large):
        for item in objects:
            x1, y1, x2, y2 = (round(value) for value in item.box.to_list())
            seen = canvas[y1:y2, x1:x2].mean(axis=(0, 1))
            a1, b1, a2, b2 = (round(value) for value in ASTRONAUT_FACE.to_list())
            assert np.allclose(seen, astronaut[b1:b2, a1:a2].mean(axis=(0, 1)), atol=2)
    assert len(crowd[1]) == 9
    assert large[0].shape == (2160, 2160, 3)
