"""Write the trained network as `data/mnist_cnn.onnx`.

python prepare.py && python onnx_model.py
"""

import onnx
from onnx import TensorProto, helper, numpy_helper
from trained import WEIGHTS, layers


def main() -> None:
    """Images (batch, 1, 28, 28) → logits (batch, 10), at opset 17."""
    nodes, values, flowing = [], [], "image"
    for k, (weight, bias) in enumerate(layers()):
        names = [f"weight{k}", f"bias{k}"]
        values += map(numpy_helper.from_array, (weight, bias), names)
        if k < 3:
            nodes += convolution(k, [flowing, *names])
            flowing = f"pool{k}"
        else:
            out = "logits" if k == 4 else f"hidden{k}"
            nodes += linear(k, [flowing, *names], out)
            flowing = f"relu{k}"
    graph = helper.make_graph(
        nodes,
        "mnist_cnn",
        [described("image", ["batch", 1, 28, 28])],
        [described("logits", ["batch", 10])],
        values,
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, WEIGHTS.with_suffix(".onnx"))


def convolution(k: int, inputs: list[str]) -> list[onnx.NodeProto]:
    window = {"kernel_shape": [2, 2], "strides": [2, 2]}
    return [
        helper.make_node("Conv", inputs, [f"conv{k}"], f"conv{k}", pads=[1] * 4),
        helper.make_node("Relu", [f"conv{k}"], [f"relu{k}"], f"relu{k}"),
        helper.make_node("MaxPool", [f"relu{k}"], [f"pool{k}"], f"pool{k}", **window),
    ]


def linear(k: int, inputs: list[str], out: str) -> list[onnx.NodeProto]:
    if k == 3:
        flat = helper.make_node("Flatten", inputs[:1], ["flat"], "flat")
        hidden = ["flat", *inputs[1:]]
        return [
            flat,
            helper.make_node("Gemm", hidden, [out], "linear3", transB=1),
            helper.make_node("Relu", [out], ["relu3"], "relu3"),
        ]
    return [helper.make_node("Gemm", inputs, [out], "linear4", transB=1)]


def described(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


if __name__ == "__main__":
    main()
