"""Running a model's network in ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path

# Else ONNX Runtime's own builds report their use to Microsoft; its Privacy.md names this switch,
# which works only before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from maskdet.errors import ModelError
from maskdet.models import store


def load(folder: Path, task: str, threads: int = 0) -> tuple[store.ModelInfo, ort.InferenceSession]:
    """Load a model to run on the CPU.

    Args:
        folder: the model's, see ``store.find``.
        task: what the model has to be for.
        threads: cores that one run may use; 0 leaves it to ONNX Runtime.

    Returns:
        Its description and a session with its network.

    Raises:
        ModelError: the model is altered, for something else, or cannot be run.
    """
    info = store.load_info(folder)
    if info.task != task:
        kinds = {"classification": "a classifier", "detection": "a detector"}
        raise ModelError(f"{folder} is {kinds.get(info.task, info.task)}, not {kinds[task]}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    data = store.verified_bytes(folder, info, store.ONNX)
    try:
        return info, ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors have no common base class
        raise ModelError(f"cannot run {folder / store.ONNX}: {error}") from error
