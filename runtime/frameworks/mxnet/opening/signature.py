"""What a model itself says of its inputs."""

from __future__ import annotations

import ast
from dataclasses import replace

from ...inputs import ASSUMED, Input
from ..ir.arrays import DTYPES, name_of
from ..ir.library import mx
from ..ir.network import Network, symbol
from ..running.blocks import Block, arguments, as_model
from .assumed import assumed_image

Shape = tuple[int, ...]


def signature(model: object) -> tuple[Input, ...]:
    """The inputs that the model declares.

    The size of a batch is open; where others are too, the shape is not known, but for a
    lone image: a size that the layers take is assumed. Gluon's blocks declare names
    alone.
    """
    known = as_model(model)
    if isinstance(known, Block):
        return tuple(map(Input, arguments(known.block) or ["data"]))
    inferred = _inferred(known)
    found = tuple(_input(known, index, inferred) for index in known.inputs)
    if len(found) == 1 and found[0].shape is None:
        image = assumed_image(known, known.inputs[0])
        if image is not None:
            shape: tuple[int | str, ...] = ("batch", *image[1:])
            return (replace(found[0], shape=shape, by=ASSUMED),)
    return found


def output_names(model: object) -> tuple[str, ...]:
    """As `Naming.output_names`: a symbol's; what a block calls them is not known."""
    known = as_model(model)
    return () if isinstance(known, Block) else tuple(symbol(known).list_outputs())


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
