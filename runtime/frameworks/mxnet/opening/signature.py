"""What a model itself says of its inputs."""

from __future__ import annotations

import ast

from ...inputs import Input
from ..ir.arrays import DTYPES, name_of
from ..ir.library import mx
from ..ir.network import Network, symbol
from ..running.blocks import Block, arguments, as_model

Shape = tuple[int, ...]


def signature(model: object) -> tuple[Input, ...]:
    """The inputs that the model declares.

    The size of a batch is open; where others are too, the shape is not known. Gluon's
    blocks declare names alone.
    """
    known = as_model(model)
    if isinstance(known, Block):
        return tuple(map(Input, arguments(known.block) or ["data"]))
    inferred = _inferred(known)
    return tuple(_input(known, index, inferred) for index in known.inputs)


def _input(network: Network, index: int, inferred: dict[str, Shape]) -> Input:
    node = network.nodes[index]
    number = node.attrs.get("__dtype__")
    declared = node.attrs.get("__shape__", "()")
    shape = inferred.get(node.name) or tuple(ast.literal_eval(declared))
    known = bool(shape) and all(size > 0 for size in shape[1:])
    return Input(
        node.name,
        ("batch", *shape[1:]) if known else None,
        None if number is None else name_of(DTYPES.get(int(number), DTYPES[0])),
    )


def _inferred(network: Network) -> dict[str, Shape]:
    """What MXNet infers from the parameters alone; nothing where an operator refuses
    an input of unknown size."""
    held = {name: values.shape for name, values in network.parameters.items()}
    found = symbol(network)
    try:
        shapes, _outputs, _states = found.infer_shape_partial(**held)
    except mx.base.MXNetError:
        return {}
    return dict(zip(found.list_arguments(), shapes or (), strict=False))
