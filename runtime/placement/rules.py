"""What a list would place: each op type low or fp32 by rule, no model run for it.

As torch.autocast, TensorFlow's auto_mixed_precision and MXNet's AMP do: contractions are
low, types of which lists distrust 16 bits are fp32, and all else follows its inputs. It is
what users would do otherwise, so the result's speed is held against it.
"""

from __future__ import annotations

import re
from collections.abc import Set

from ..graph.graph import Graph, Kind, Op, Placement, Precision

VERSION = re.compile(r"v\d+$")
ENDINGS = frozenset({"loss", "norm", "normalization", "softmax"})
DISTRUSTED = frozenset(
    [
        "acos",
        "asin",
        "cosh",
        "erfinv",
        "exp",
        "expm1",
        "inv",
        "log",
        "log10",
        "log1p",
        "log2",
        "logsumexp",
        "pow",
        "power",
        "reciprocal",
        "rsqrt",
        "sinh",
        "tan",
        "softmin",
        "softplus",
        "cdist",
        "pdist",
        "dist",
        "sum",
        "mean",
        "prod",
        "cumsum",
        "cumprod",
        "reducesum",
        "reducemean",
        "reduceprod",
        "reducel1",
        "reducel2",
        "reducelogsum",
        "reducelogsumexp",
        "reducesumsquare",
        "sumsquare",
        "renorm",
        "softmaxoutput",
        "softmaxcrossentropy",
        "softmaxactivation",
        "sparsesoftmaxcrossentropywithlogits",
        "softmaxcrossentropywithlogits",
        "binarycrossentropywithlogits",
        "crossentropy",
        "nllloss",
        "fusedbatchnorm",
        "batchnormalization",
    ]
)
"""Types without case, underscores and version: torch.autocast's list for CUDA
(docs.pytorch.org/docs/stable/amp.html, "CUDA Ops that can autocast to float32"), under
the names that the other frameworks have for them."""


def rule_based(graph: Graph, low: Precision, pins: Set[str] = frozenset()) -> Placement:
    """Op id → precision, as a list would have it.

    Ops without a kernel for `low` are fp32, and with an op its whole equality group.

    Args:
        pins: Ids of ops that must be fp32.
    """
    wide = set(pins)
    while True:
        placement = _painted(graph, low, wide)
        split = {
            name
            for group in graph.equal
            if len({placement[each] for each in group}) > 1
            for name in group
        }
        if split <= wide:
            return placement
        wide |= split


def distrusted(type_: str) -> bool:
    """Whether lists keep this op type in fp32."""
    plain = VERSION.sub("", type_.lower().replace("_", "").removeprefix("npi"))
    plain = plain.removeprefix("npx").removeprefix("contrib").removeprefix("broadcast")
    return plain in DISTRUSTED or any(plain.endswith(each) for each in ENDINGS)


def _painted(graph: Graph, low: Precision, wide: Set[str]) -> dict[str, Precision]:
    placement: dict[str, Precision] = {}
    precision = graph.coming
    for op in graph.ops:
        chosen = low if _lowered(graph, op, low, wide, precision) else Precision.FP32
        placement[op.id] = chosen
        kernel = op.kernel(chosen)
        made = kernel.output if kernel else chosen
        precision.update(dict.fromkeys(graph.carried(op), made))
    return placement


def _lowered(
    graph: Graph,
    op: Op,
    low: Precision,
    wide: Set[str],
    precision: dict[str, Precision],
) -> bool:
    """Whether a list makes the op low; `precision` is what its inputs are held in."""
    if op.id in wide or op.kind is Kind.FIXED or op.kernel(low) is None:
        return False
    if op.kind is Kind.COMPUTE:
        return True
    if distrusted(op.type):
        return False
    takes = [name for name in graph.castable(op) if not graph.tensors[name].constant]
    return bool(takes) and all(precision.get(name) == low for name in takes)
