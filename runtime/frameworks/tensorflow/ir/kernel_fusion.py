"""Which ops TensorFlow's remapper makes one kernel of, since they cost one kernel's time.

A convolution or product takes along the bias, the addition of a tensor of its shape and
the activation that follow it, where nothing else reads what is between; x·sigmoid(x) is one
kernel, too. Grappler's remapper does it when a graph is loaded, for oneDNN's kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .naming import data, parsed
from .regions import Region

ANCHORS = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
BIAS = frozenset({"BiasAdd"})
ADD = frozenset({"Add", "AddV2"})
ACTIVATIONS = frozenset({"Elu", "LeakyRelu", "Relu", "Relu6"})
STEPS = (BIAS, ADD, ACTIVATIONS)
"""What may follow an anchor, in this order; the bias must, the others may."""


def groups(region: Region) -> dict[str, tuple[str, ...]]:
    """Anchor → names of the ops that are one kernel, itself first."""
    readers = readers_of(region)
    found: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for node, _done in region.steps:
        if node.op == "Sigmoid":
            swish = only_reader(region, readers, node.name)
            if swish is not None and swish.op == "Mul" and data(node)[0] in data(swish):
                found[node.name] = (node.name, swish.name)
        if node.op not in ANCHORS:
            continue
        chain = [node.name]
        for kinds in STEPS:
            following = only_reader(region, readers, chain[-1])
            if following is not None and following.op in kinds:
                if following.name in taken:
                    break
                chain.append(following.name)
            elif kinds is BIAS:
                break
        if len(chain) > 1:
            found[node.name] = tuple(chain)
            taken.update(chain)
    return found


def readers_of(region: Region) -> Mapping[str, list[str]]:
    """Node → the nodes that read it, each as often as it does; results read, too."""
    found: dict[str, list[str]] = {}
    for node, _done in region.steps:
        for reference in data(node):
            found.setdefault(parsed(reference)[0], []).append(node.name)
    for reference in region.results:
        found.setdefault(parsed(reference)[0], []).append("")
    return found


def only_reader(
    region: Region, readers: Mapping[str, list[str]], name: str
) -> Any | None:
    found = readers.get(name, [])
    return region.by_name[found[0]] if len(found) == 1 and found[0] else None
