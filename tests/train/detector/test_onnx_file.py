from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.mark.train
@pytest.mark.parametrize(
    ("between", "merged"), [(None, 1), ("Relu", 0), ("shared", 0), ("result", 0)]
)
def test_two_convolutions_with_nothing_between_become_one(between: str | None, merged: int) -> None:
    from maskdet.train.detector.onnx_file import merge_pointwise

    random = np.random.default_rng(0)
    shapes = {"w1": (4, 3, 1, 1), "w2": (5, 4, 1, 1), "b2": (5,)}
    nodes = [helper.make_node("Conv", ["x", "w1"], ["a"], name="first")]
    if between == "Relu":
        nodes.append(helper.make_node("Relu", ["a"], ["r"]))
    source = "r" if between == "Relu" else "a"
    nodes.append(helper.make_node("Conv", [source, "w2", "b2"], ["y"], name="second"))
    outputs = ["y"]
    if between == "shared":
        nodes.append(helper.make_node("Exp", ["a"], ["z"]))
        outputs.append("z")
    if between == "result":
        outputs.append("a")
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
            for name, shape in shapes.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    x = random.normal(size=(1, 3, 5, 7)).astype(np.float32)

    def run() -> np.ndarray:
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return np.asarray(session.run(["y"], {"x": x})[0])

    before = run()
    assert merge_pointwise(model.graph) == merged
    assert len(model.graph.initializer) == (2 if merged else 3)
    np.testing.assert_allclose(run(), before, rtol=1e-4, atol=1e-5)
