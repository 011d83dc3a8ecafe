"""A detector for maskdet's own program, real but for what it has learnt: faces are squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maskdet import files
from maskdet.models import store

SIDE = 16
"""Pixels of the network's input of a square: red ones wear a mask, blue ones do not."""

CLASSES = ("with_mask", "without_mask")
_STEP = 2
_SHARP = 4


def make_detector(folder: Path, **description: object) -> Path:
    """Write a model folder; a score is how red, or blue, the square around a place is.

    0 from three quarters of it down, 1 if all of it.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    mean = np.zeros((2, 3, SIDE, SIDE), np.float32)
    mean[0, 0] = mean[1, 2] = _SHARP / (255 * SIDE**2)
    constants = {
        "mean": mean,
        "less": np.array([1 - _SHARP] * 2, np.float32),
        "none": np.array(0, np.float32),
        "all": np.array(1, np.float32),
        "rows": np.array(1, np.int64),
        "columns": np.array(2, np.int64),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "last": np.array([3], np.int64),
        "step": np.array(_STEP, np.float32),
        "corner": np.array([-SIDE / 2] * 2 + [SIDE / 2] * 2, np.float32) - _STEP,
        "scores_shape": np.array([0, -1, 2], np.int64),
        "boxes_shape": np.array([0, -1, 4], np.int64),
    }
    node = helper.make_node
    pads = [SIDE // 2] * 4
    graph = helper.make_graph(
        [
            node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
            node("Conv", ["planes", "mean", "less"], ["sharp"], strides=[_STEP] * 2, pads=pads),
            node("Clip", ["sharp", "none", "all"], ["found"]),
            node("Transpose", ["found"], ["grid"], perm=[0, 2, 3, 1]),
            node("Reshape", ["grid", "scores_shape"], ["scores"]),
            node("Slice", ["grid", "zero", "one", "last"], ["part"]),
            node("Sub", ["part", "part"], ["zeros"]),
            node("Exp", ["zeros"], ["ones"]),
            node("CumSum", ["ones", "columns"], ["x"]),
            node("CumSum", ["ones", "rows"], ["y"]),
            node("Concat", ["x", "y", "x", "y"], ["places"], axis=3),
            node("Mul", ["places", "step"], ["middles"]),
            node("Add", ["middles", "corner"], ["corners"]),
            node("Reshape", ["corners", "boxes_shape"], ["boxes"]),
        ],
        "squares",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", "places", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", "places", 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / store.ONNX).write_bytes(model.SerializeToString())
    said = {
        "name": folder.name,
        "classes": CLASSES,
        "image_size": 640,
        "margin": 0.1,
        "files": {store.ONNX: files.sha256(folder / store.ONNX)},
        "task": "detection",
        "thresholds": {"maskdet": 0.3},
    }
    store.save_info(folder, store.ModelInfo(**said | description))  # type: ignore[arg-type]
    return folder
