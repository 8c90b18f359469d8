"""What lies between int8 ops: runtimes make it part of their kernels.

A cast in there would end the fusion and cost more than the op gains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

import onnx_ir as ir

from .....graph.graph import Kind
from ..naming import constant
from ..operators import kind

QUANTIZES = frozenset({"QuantizeLinear"})
DEQUANTIZES = frozenset({"DequantizeLinear"})


def between(model: ir.Model, int8: Set[ir.Node]) -> frozenset[ir.Node]:
    """The ops whose floats all come from int8 and all go there: the most that fit.

    What adds a constant to what an int8 op makes, and to that alone, is its bias.

    Args:
        int8: The ops that compute in int8.
    """
    inside = {
        node
        for node in model.graph.all_nodes()
        if node not in int8
        and kind(node) in (Kind.POINTWISE, Kind.MOVER)
        and any(_floats(node.inputs))
    }
    waiting = list(inside)
    while waiting:
        node = waiting.pop()
        if node not in inside or _stays(node, inside, int8):
            continue
        inside.remove(node)
        waiting += _neighbours(node)
    biases = (_bias(node) for node in int8)
    return frozenset(inside | {node for node in biases if node is not None})


def rounded(model: ir.Model, int8: Set[ir.Node]) -> frozenset[ir.Node]:
    """Contractions of dequantized values that are quantized at once, though in floats.

    A cast on either side costs more than they gain, and OpenVINO, which joins them with
    what quantizes, computes them in fp32 then.
    """
    return frozenset(
        node
        for node in model.graph.all_nodes()
        if node not in int8
        and kind(node) is Kind.COMPUTE
        and _stays(node, frozenset(), frozenset())
    )


def _floats(values: Iterable[ir.Value | None]) -> Iterator[ir.Value]:
    """Those that are computed, and fp32 as far as is known."""
    for value in values:
        if value is None or not value.name or constant(value) is not None:
            continue
        if value.dtype in (None, ir.DataType.FLOAT):
            yield value


def _stays(node: ir.Node, inside: Set[ir.Node], int8: Set[ir.Node]) -> bool:
    for value in _floats(node.inputs):
        maker = value.producer()
        if maker is None or not (
            maker in inside or maker in int8 or is_(maker, DEQUANTIZES)
        ):
            return False
    moves = kind(node) is Kind.MOVER
    return all(
        not value.is_graph_output()
        and all(
            reader in inside or is_(reader, QUANTIZES) or (moves and reader in int8)
            for reader, _ in value.uses()
        )
        for value in _floats(node.outputs)
    )


def _neighbours(node: ir.Node) -> Iterator[ir.Node]:
    for value in _floats(node.inputs):
        maker = value.producer()
        if maker is not None:
            yield maker
    for value in node.outputs:
        yield from (reader for reader, _ in value.uses())


def is_(node: ir.Node, operators: Set[str]) -> bool:
    """Whether the node is one of ONNX's own operators."""
    return not node.domain and node.op_type in operators


def _bias(node: ir.Node) -> ir.Node | None:
    """The addition of a constant that alone reads what an int8 op makes."""
    value = node.outputs[0]
    readers = [reader for reader, _ in value.uses()]
    if len(readers) != 1 or value.is_graph_output():
        return None
    (reader,) = readers
    others = [each for each in _floats(reader.inputs) if not _is_weight(each)]
    return reader if is_(reader, frozenset({"Add"})) and len(others) == 1 else None


def _is_weight(value: ir.Value) -> bool:
    maker = value.producer()
    if maker is None or not is_(maker, DEQUANTIZES):
        return False
    stored = maker.inputs[0]
    return stored is not None and constant(stored) is not None
