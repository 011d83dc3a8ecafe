"""Where models lie on disk and how one is found, described and verified.

A model is a folder: ``model.json`` (this module's ModelInfo), ``model.onnx`` (to run),
``model.keras`` (to train on), ``metrics.json``, ``MODEL_CARD.md``. Nothing in it is ever
unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from maskdet.classes import KNOWN
from maskdet.errors import ModelError
from maskdet.files import write_bytes

SCHEMA = 1
DETECTOR = "mask_detector"
"""The model that finds faces and labels them, if no other is named."""
CLASSIFIER = "mask_mobilenetv2"
"""The model that labels faces which something else has found, if no other is named."""
DESCRIPTION = "model.json"
ONNX = "model.onnx"
KERAS = "model.keras"
FILES = (DESCRIPTION, ONNX, KERAS)
"""What may stand for the folder that it lies in."""

_PACKAGE = Path(__file__).resolve().parent.parent
_REFUSED = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".h5", ".model"}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What ``model.json`` says.

    ``task`` is ``classification`` or ``detection``. ``classes`` is in the order of the network's
    output, ``image_size`` the side of its square input in pixels (of a detector, see
    ``faces.own``), ``margin`` as in ``faces.crop.crop_faces``, ``files`` the sha256
    of each file, ``thresholds`` the least detector score by detector name, ``temperature`` what
    the logits of a detector's classes are divided by,
    ``training`` free text on how it came about (data fingerprint, options, versions).
    """

    name: str
    classes: tuple[str, ...]
    image_size: int
    margin: float
    files: dict[str, str]
    task: str = "classification"
    thresholds: dict[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    training: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def search_folders() -> list[Path]:
    """Return the folders that are searched for a model's name, first one first."""
    named = os.environ.get("MASKDET_MODEL_DIR")
    return [
        *([Path(named)] if named else []),
        Path.cwd() / "model",
        _PACKAGE / "model",  # inside a wheel
        _PACKAGE.parent / "model",  # beside the package in a checkout
    ]


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the folder of a model given by its name or path.

    Raises:
        ModelError: there is none, or it is a kind of file that is never loaded.
    """
    path = Path(name_or_path)
    if path.suffix.lower() in _REFUSED:
        raise ModelError(
            f"{path} is refused: loading {path.suffix} files can run code that is hidden in them. "
            "maskdet loads the folders that 'maskdet train' writes"
        )
    if path.name in FILES:
        path = path.parent
    if (path / DESCRIPTION).is_file():
        return path
    if len(path.parts) == 1:
        for folder in search_folders():
            if (folder / path / DESCRIPTION).is_file():
                return folder / path
    if path.is_file():
        raise ModelError(
            f"{path} is a file, and a model is a folder with a {DESCRIPTION}. The file of another "
            "face detector needs its name, as in --detector yunet"
        )
    places = ", ".join(str(folder) for folder in search_folders())
    raise ModelError(
        f"no model {str(name_or_path)!r}: neither a folder with a {DESCRIPTION} nor a name in "
        f"{places}. Give the path of its folder, or set MASKDET_MODEL_DIR"
    )


def load_info(folder: Path) -> ModelInfo:
    """Read a model's description.

    Raises:
        ModelError: it is missing, broken, or written by a newer maskdet.
    """
    path = folder / DESCRIPTION
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["schema"] > SCHEMA:
            raise ModelError(
                f"{path} was written by a newer maskdet (schema {raw['schema']}): upgrade maskdet"
            )
        known = {item.name for item in fields(ModelInfo)}
        info = ModelInfo(**{key: value for key, value in raw.items() if key in known})
        unknown = set(info.classes) - set(KNOWN)
        if unknown or len(set(info.classes)) != len(info.classes) or len(info.classes) < 2:
            raise ValueError(f"its classes are {info.classes}")
        if type(info.image_size) is not int or info.image_size < 1:
            raise ValueError(f"its image_size is {info.image_size}")
        if not 0 <= info.margin <= 10:
            raise ValueError(f"its margin is {info.margin}")
        if not 0.01 <= info.temperature <= 100:
            raise ValueError(f"its temperature is {info.temperature}")
        if not all(0 <= value <= 1 for value in info.thresholds.values()):
            raise ValueError(f"its thresholds are {info.thresholds}")
        return replace(info, classes=tuple(info.classes), files=dict(info.files))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is not a model description: {error}") from error


def save_info(folder: Path, info: ModelInfo) -> None:
    """Write ``model.json``; raises OutputError where that fails."""
    text = json.dumps(asdict(info), indent=2) + "\n"
    write_bytes(folder / DESCRIPTION, text.encode())


def verified_bytes(folder: Path, info: ModelInfo, name: str) -> bytes:
    """Return the content of one of a model's files after checking it against ``model.json``.

    Raises:
        ModelError: the file is missing or is not the one that was described.
    """
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != info.files.get(name):
        raise ModelError(
            f"{path} was altered or cut off: its sha256 is not the one in {DESCRIPTION}. "
            "Fetch the model again"
        )
    return data
