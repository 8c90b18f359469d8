"""Which adapter searches which planted model, and what is particular to it.

MXNet has no fp16 on CPUs, and a sixth of the FLOPs, the products of two activations, has
no bf16 kernel there: at most 83 % can be low. ONNX has no sketch: groups of ops are all
that the search knows of errors. What needs bf16 is for OpenVINO, what needs fp16 for ONNX
Runtime. That computes most of fp16 through fp32, where what is planted does little harm:
two cases are for any runtime, too, which is imitated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import culprits

from narrowcast.runtime.graph.graph import Precision

CASES = culprits.cases()
IN_BF16 = tuple(name for name, case in CASES.items() if case.low is Precision.BF16)
IN_FP16 = tuple(name for name, case in CASES.items() if case.low is Precision.FP16)
SAME = {"diffuse": "healthy", "unseen": "healthy"}
"""Cases whose network and first batch are those of another: traced once for both."""

SEARCHED: Mapping[str, Sequence[str]] = {
    "pytorch": tuple(CASES),
    "tensorflow": tuple(CASES),
    "mxnet": IN_BF16,
    "openvino": IN_BF16,
    "onnxruntime": IN_FP16,
    "any": ("overflow", "unseen overflow"),
}
"""Adapter → the cases that it searches."""

BREAKING = {
    adapter: [
        name
        for name in names
        if CASES[name].culprits and (adapter, name) != ("mxnet", "long sum")
    ]
    for adapter, names in SEARCHED.items()
    if adapter != "any"
}
"""Those that have culprits; in MXNet's sum, which is not bf16's, classes outlive it."""

JUDGES = {"openvino": "any", "onnxruntime": "any"}
"""Adapters whose cases another one judges, in which each op rounds for itself."""

UNKERNELLED = ("mxnet",)
"""Adapters that have no kernel for a part of the models."""

SAVED = {
    "pytorch": "three",
    "tensorflow": "three",
    "mxnet": "three",
    "openvino": "three",
    "onnxruntime": "unshifted exp",
}
NUMPY = {"onnxruntime": 1e-3}
"""What a model may be off from NumPy, of its largest output, if not 1e-4."""

IDS = {
    "pytorch": ("layers.1.mlp.up.times:matmul:0", "position.sin:sin:0"),
    "tensorflow": ("layers/1/mlp/up/times", "position/sin"),
    "mxnet": ("layers.1.mlp.up.times", "position.sin"),
    "openvino": ("layers.1.mlp.up.times", "position.sin"),
}
"""Of `three`."""
