"""From the trained detector to ONNX; run as a module, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import GraphProto, NodeProto, numpy_helper

from maskdet.train import onnx_file
from maskdet.train.detector.network import with_scores


def export(model: keras.Model, saved: Path, classes: int, path: Path) -> None:
    """Write a network that ``network.build`` made, with its scores, as an ONNX file.

    Args:
        model: the network.
        saved: the same as a Keras file.
        classes: how many it has.
        path: of the ONNX file.

    Raises:
        ModelError: see ``onnx_file.under_tensorflow``.
    """
    if keras.backend.backend() == "tensorflow":
        write(model, classes, path)
    else:
        onnx_file.under_tensorflow(__name__, saved, classes, path)


def write(model: keras.Model, classes: int, path: Path) -> None:
    """Write the ONNX file from TensorFlow."""
    onnx_file.write(with_scores(model, classes), path)
    written = onnx.load(path)
    merge_pointwise(written.graph)
    onnx.checker.check_model(written)
    onnx.save(written, path)


def merge_pointwise(graph: GraphProto) -> int:
    """Make one of two convolutions of 1 x 1 pixels with nothing between; return how many times.

    MobileNetV2 has such a pair on its largest features, and the pyramid another one: together
    they take a sixth of the time.
    """
    constants = {item.name: item for item in graph.initializer}
    results = {item.name for item in graph.output}
    merged = 0
    for node in list(graph.node):
        if not _pointwise(node, constants):
            continue
        users = [other for other in graph.node if node.output[0] in other.input]
        if len(users) != 1 or node.output[0] in results or not _pointwise(users[0], constants):
            continue
        after = users[0]
        (weight, bias), (weight_after, bias_after) = (_values(n, constants) for n in (node, after))
        del after.input[:]
        after.input.append(node.input[0])
        for name, value in (
            ("weight", (weight_after @ weight)[:, :, None, None]),
            ("bias", weight_after @ bias + bias_after),
        ):
            constant = numpy_helper.from_array(value.astype(np.float32), f"{after.name}/{name}")
            graph.initializer.append(constant)
            constants[constant.name] = constant
            after.input.append(constant.name)
        graph.node.remove(node)
        merged += 1
    used = {name for node in graph.node for name in node.input}
    for item in list(graph.initializer):
        if item.name not in used:
            graph.initializer.remove(item)
    return merged


Constants = dict[str, onnx.TensorProto]


def _pointwise(node: NodeProto, constants: Constants) -> bool:
    if node.op_type != "Conv" or not all(name in constants for name in node.input[1:]):
        return False
    said = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    sides = list(constants[node.input[1]].dims[2:])
    return (
        sides == [1, 1]
        and said.get("group", 1) == 1
        and set(said.get("strides", [1])) == {1}
        and not any(said.get("pads", []))
    )


def _values(
    node: NodeProto, constants: Constants
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
    weight, *bias = (
        numpy_helper.to_array(constants[name]).astype(np.float64) for name in node.input[1:]
    )
    return weight[:, :, 0, 0], bias[0] if bias else np.zeros(len(weight))


def main() -> None:
    """Write an ONNX file: ``python -m maskdet.train.detector.onnx_file KERAS CLASSES ONNX``."""
    saved, classes, path = sys.argv[1:]
    write(keras.models.load_model(saved), int(classes), Path(path))


if __name__ == "__main__":
    main()
