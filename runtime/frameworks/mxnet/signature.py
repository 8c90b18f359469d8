"""What a symbol itself says of its inputs."""

from __future__ import annotations

import ast
from typing import Any

from ...errors import ModelError
from ...signature import Input
from .arrays import DTYPES, name_of
from .blocks import arguments, check_block
from .network import Network, Node, symbol

UNKNOWN = "Write model.inputs in the spec: name, shape and dtype."

CHANNELS = {"Convolution": 1, "Deconvolution": 0}
"""Operator → the axis of its weight that holds its input's channels, by group."""


def signature(model: Any) -> tuple[Input, ...]:
    """The inputs that the model declares, sizes that it leaves open as symbols.

    Raises:
        ModelError: It does not say how many dimensions one has: Gluon's blocks never do.
    """
    if not isinstance(model, Network):
        check_block(model)
        names = ", ".join(arguments(model)) or "any number"
        raise ModelError(
            f"a {type(model).__name__} does not say what shapes its inputs have ({names})",
            UNKNOWN,
        )
    inferred = _inferred(model)
    return tuple(_input(model, index, inferred) for index in model.inputs)


def _input(network: Network, index: int, inferred: dict[str, tuple[int, ...]]) -> Input:
    node = network.nodes[index]
    shape = inferred.get(node.name) or _declared(node) or _convolved(network, index)
    if not shape:
        raise ModelError(
            f"the symbol does not say what shape its input `{node.name}` has", UNKNOWN
        )
    sizes = tuple(
        size if size > 0 else ("batch" if k == 0 else f"dim_{k}")
        for k, size in enumerate(shape)
    )
    number = int(node.attrs.get("__dtype__", "0"))
    return Input(node.name, sizes, name_of(DTYPES.get(number, DTYPES[0])))


def _declared(node: Node) -> tuple[int, ...]:
    text = node.attrs.get("__shape__", "")
    return tuple(ast.literal_eval(text)) if text else ()


def _inferred(network: Network) -> dict[str, tuple[int, ...]]:
    """What MXNet infers from the parameters alone."""
    held = {name: values.shape for name, values in network.parameters.items()}
    found = symbol(network)
    shapes, _outputs, _states = found.infer_shape_partial(**held)
    if shapes is None:
        return {}
    return dict(zip(found.list_arguments(), shapes, strict=True))


def _convolved(network: Network, index: int) -> tuple[int, ...]:
    """An image's shape by the convolution that takes it."""
    for reader in network.readers.get(index, ()):
        node = network.nodes[reader]
        if node.op not in CHANNELS or not network.constant(node.inputs[1][0]):
            continue
        if not node.attrs.get("layout", "None").startswith(("NC", "None")):
            continue
        weight = network.parameters[network.nodes[node.inputs[1][0]].name].shape
        groups = int(node.attrs.get("num_group", "1"))
        channels = weight[CHANNELS[node.op]]
        channels *= groups if node.op == "Convolution" else 1
        return (0, channels, *(0 for _ in weight[2:]))
    return ()
