"""Real graphs: the nine nets of the onnx wheel, basic-pitch, silero-vad."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import (
    load_onnx,
    onnxruntime,
    openvino,
    portable,
    signature,
)
from narrowcast.runtime.graph.graph import Graph, Placement, Precision
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.capability import capability_pins

BF16, FP16 = Precision.BF16, Precision.FP16
LIGHT = (
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
)
CONTRACTIONS = ("Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM", "GRU", "RNN")
SIZES = {"input": (1, 576), "state": (2, 1, 128), "sr": ()}
"""Of silero-vad's inputs: 32 ms at 16 kHz with what came before, and its LSTM's state."""


def share(graph: Graph, placement: Placement) -> float:
    """Of the contractions' FLOPs, how many are in 16 bits."""
    counted = {op.id: op.flops for op in graph.ops if op.type in CONTRACTIONS}
    low = sum(n for op, n in counted.items() if placement[op] is not Precision.FP32)
    return low / sum(counted.values())


def batch(model: Any) -> tuple[Any, ...]:
    random = np.random.default_rng(0)
    found = []
    for one in signature(model):
        shape = SIZES.get(one.name) or [
            n if isinstance(n, int) else 1 for n in one.shape
        ]
        if one.dtype == "int64":
            found.append(np.array(16000))
        else:
            found.append((random.standard_normal(shape) * 0.1).astype(one.dtype))
    return tuple(found)


def weight_bytes(path: Path) -> int:
    """Of fp32 and 16-bit weights, those in bodies and Constant nodes too."""
    kinds = (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.BFLOAT16,
        onnx.TensorProto.FLOAT16,
    )

    def of(graph: onnx.GraphProto) -> int:
        total = sum(t.ByteSize() for t in graph.initializer if t.data_type in kinds)
        for node in graph.node:
            for attribute in node.attribute:
                total += of(attribute.g) if attribute.HasField("g") else 0
                tensor = attribute.t
                total += tensor.ByteSize() if tensor.data_type in kinds else 0
        return total

    return of(onnx.load(path).graph)


@pytest.mark.few(2)
@pytest.mark.parametrize("name", LIGHT)
def test_nets_of_opset_9_are_low_on_openvino(
    tools: Any, tmp_path: Path, name: str
) -> None:
    """Their weights are all alike, so that outputs say nothing but that they ran."""
    path = Path(str(files(onnx))) / "backend/test/data/light" / f"light_{name}.onnx"
    model = load_onnx(path)
    given = batch(model)
    traced = openvino.trace(model, given, low=BF16, inputs=())
    held = capability_pins(traced.graph, BF16, traced.probes)
    placement = low_compute(traced.graph, BF16, set(held)).placement
    assert share(traced.graph, placement) >= 0.9
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    (found,) = openvino.load_saved(saved)(given)
    (expected,) = openvino.predictor(model)(given)
    assert found.shape == expected.shape and np.isfinite(found).all()


def real(name: str) -> Path:
    package, inside = {
        "basic-pitch": ("basic_pitch", "saved_models/icassp_2022/nmp.onnx"),
        "silero op15": ("silero_vad", "data/silero_vad_16k_op15.onnx"),
        "silero half": ("silero_vad", "data/silero_vad_half.onnx"),
        "silero ifless": ("silero_vad", "data/silero_vad_op18_ifless.onnx"),
        "silero openvino": ("silero_vad", "data/silero_vad_openvino_16k.onnx"),
    }[name]
    # Not imported: the packages want frameworks that are not here.
    import importlib.util

    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / inside


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("name", "runtime", "low", "size"),
    [
        # Half of basic-pitch's file are names of nodes: its weights are halved.
        ("basic-pitch", openvino, BF16, 0.72),
        ("basic-pitch", onnxruntime, FP16, 0.72),
        ("silero op15", onnxruntime, FP16, 0.60),
        ("silero op15", portable, BF16, 0.60),
        ("silero half", onnxruntime, FP16, 0.60),
        ("silero ifless", openvino, BF16, 0.62),
        ("silero openvino", openvino, BF16, 0.60),
    ],
)
def test_hard_graphs_convert_load_and_run(
    tools: Any, tmp_path: Path, name: str, runtime: Any, low: Precision, size: float
) -> None:
    """The first two give files that do not load from onnxconverter-common."""
    path = real(name)
    model = load_onnx(path)
    given = batch(model)
    traced = runtime.trace(model, given, low=low, inputs=())
    placement = tools.all_low(traced, low)
    assert share(traced.graph, placement) >= 0.9
    saved = traced.save(traced.apply(placement), tmp_path / "m.onnx")
    assert weight_bytes(saved) <= 0.6 * weight_bytes(path)
    assert saved.stat().st_size <= size * path.stat().st_size
    expected = runtime.predictor(model)(given)
    found = runtime.load_saved(saved)(given)
    errors = [relative_error(a, b) for a, b in zip(expected, found, strict=True)]
    assert 0 < max(errors) < {BF16: 0.15, FP16: 0.04}[low]
    now = onnx.load(saved).graph
    assert [v.name for v in now.output] == [str(v.name) for v in model.graph.outputs]
