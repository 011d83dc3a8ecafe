"""From the trained network to ONNX; run as a module, in a process of its own.

Where another backend than TensorFlow trains, a second process loads the saved network under
TensorFlow: each backend has an exporter of its own (JAX has jax2onnx, which the extra ``train``
does not bring), and one alone is enough to install and to check.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from maskdet.errors import ModelError


def export(model: keras.Model, saved: Path, path: Path) -> None:
    """Write a network as an ONNX file.

    Args:
        model: the network.
        saved: the same as a Keras file.
        path: of the ONNX file.

    Raises:
        ModelError: see ``under_tensorflow``.
    """
    if keras.backend.backend() == "tensorflow":
        write(model, path)
    else:
        under_tensorflow(__name__, saved, path)


def under_tensorflow(module: str, *arguments: object) -> None:
    """Run a module in a process in which TensorFlow is the backend.

    Raises:
        ModelError: it fails, as where there is no TensorFlow.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModelError(
            "cannot write the ONNX file, which takes TensorFlow (nothing is lost: --resume tries "
            f"again, also on another machine): {done.stderr.strip()[-2000:]}"
        )


def write(model: keras.Model, path: Path) -> None:
    """Write the ONNX file from TensorFlow."""
    sides = (side or 64 for side in model.input_shape[1:3])
    model.predict_on_batch(np.zeros((1, *sides, 3), np.uint8))  # Keras wants it called once
    model.export(path, format="onnx", verbose=False)


def main() -> None:
    """Write an ONNX file: ``python -m maskdet.train.onnx_file KERAS ONNX``."""
    saved, path = map(Path, sys.argv[1:])
    write(keras.models.load_model(saved), path)


if __name__ == "__main__":
    main()
