"""The script that lays out what the shipped detectors are trained on, on a portrait."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ROOT

from maskdet import images
from maskdet.faces import yunet
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.manifest import Manifest
from maskdet.types import Box


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import detector_data

    return detector_data


DRAWN = Box(185, 85, 265, 180)
"""How a person boxes the portrait's face: without the forehead, unlike YuNet."""


@pytest.fixture
def pool(tmp_path: Path, astronaut: Bgr) -> Path:
    """Two photographs of two groups, and crops: one face, none, two, and a mask drawn on."""
    root = tmp_path / "pool"
    (root / "scenes").mkdir(parents=True)
    rows = Manifest(root / "scenes")
    face = voc.VocObject(0, "without_mask", DRAWN)
    for name, group in (("a.png", "1"), ("b.png", "2")):
        images.write(root / "scenes" / name, astronaut)
        voc.write(root / "scenes" / f"{name[0]}.xml", name, 512, 512, [face])
        rows.set(name, {"group": group})
    rows.write()
    head = astronaut[0:230, 110:340]
    shown = {
        "with_mask/one.png": (head, "photo"),
        "with_mask/none.png": (np.full_like(head, 90), "photo"),
        "with_mask/two.png": (np.hstack([head, head]), "photo"),
        "with_mask/tight.png": (head, "face"),
        "without_mask/tight.png": (head[20:180, 50:180], "face"),
        "with_mask/drawn.png": (head, "synthetic_mask"),
    }
    rows = Manifest(root / "crops")
    for number, (name, (image, kind)) in enumerate(shown.items()):
        path = root / "crops" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, image)
        rows.set(name, {"class": name.split("/")[0], "kind": kind, "group": f"c{number}"})
    (root / "crops/with_mask/broken.png").write_bytes(b"no picture")
    rows.set("with_mask/broken.png", {"class": "with_mask", "kind": "photo", "group": "c9"})
    rows.write()
    return root


@pytest.mark.corpus
def test_pictures_are_laid_out_with_parts_and_boxes(
    script: ModuleType,
    pool: Path,
    tmp_path: Path,
    corpus: Path,
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "ENOUGH", 1)
    parts = tmp_path / "split.csv"
    parts.write_text("file,group,subset\nscenes/a.png,1,training\nscenes/b.png,2,validation\n")
    out = tmp_path / "out"
    given = [pool, out, "--yunet", corpus.parent / "weights" / yunet.MODEL, "--split", parts]
    result = runner.invoke(script.main, [str(item) for item in given])
    assert result.exit_code == 0, result.output
    *counts, moved = result.stdout.splitlines()
    assert moved.startswith("YuNet's boxes of without_mask moved by: ")
    assert dict(line.rsplit(": ", 1) for line in counts) == {
        "scenes, train": "1",
        "scenes, val": "1",
        "crops, with_mask": "1",
        "crops, without_mask": "1",
        "crops, no face": "1",
        "crops, several faces": "1",
        "crops that cannot be read": "1",
    }
    scenes = Manifest(out / "scenes")
    assert [scenes.get(name)["split"] for name in ("a.png", "b.png")] == ["train", "val"]
    assert (out / "scenes/a.xml").read_bytes() == (pool / "scenes/a.xml").read_bytes()
    crops = out / "crops"
    assert sorted(path.relative_to(crops).as_posix() for path in images.find(crops)) == [
        "with_mask/one.png",
        "without_mask/tight.png",
    ]
    height, width = images.read(crops / "with_mask/one.png").shape[:2]
    (face,) = voc.read(crops / "with_mask/one.xml", width, height).objects
    assert (face.label, face.difficult) == ("with_mask", False)
    x1, y1, x2, y2 = ASTRONAUT_FACE.to_list()
    assert face.box.iou(Box(x1 - 110, y1, x2 - 110, y2)) > 0.5
    # Of this class there is a photograph that says where people draw the sides.
    drawn = [a - b for a, b in zip(DRAWN.to_list(), (160, 20, 160, 20), strict=True)]
    (bare,) = voc.read(crops / "without_mask/tight.xml", 130, 160).objects
    assert bare.box.iou(Box(*drawn)) > 0.9
    assert Manifest(crops).get("with_mask/one.png")["group"] == "c0"
    again = runner.invoke(script.main, [str(item) for item in given])
    assert again.exit_code == 1
    assert "exists already" in again.stderr
