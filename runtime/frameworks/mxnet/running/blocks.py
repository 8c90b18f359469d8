"""Gluon blocks: what they compute as a network, and how they are called."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....common.errors import ModelError
from ...inputs import places
from ...protocol import Inputs, Outputs
from ..ir.arrays import failed_on, given, widened
from ..ir.library import mx, restart_random, said_by
from ..ir.network import Network, in_order
from ..ir.quantized.canonical import canonical
from .selected import grouped, heads
from .switches import hold_fp32

FACTORY = "model.factory must return a HybridBlock whose parameters are loaded."


class BlockPredictor:
    """A block to call on batches, as it is; fp32 is fp32."""

    def __init__(self, model: Block, names: Sequence[str]) -> None:
        hold_fp32()
        self.model, self.order = model, positions(model.block, names)
        self.kept: list[int] | None = None

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs, flattened: 16-bit floats as float32.

        Raises:
            ModelError: The block fails, or has no output of a name.
        """
        arrays = [_taken(value) for value in inputs]
        try:
            taken = [arrays[k] for k in self.order or range(len(arrays))]
            found = leaves(self.model.block(*taken))
            if self.kept is None:
                self.kept = self.model.kept(len(taken)) or list(range(len(found)))
            return tuple(widened(found[k]) for k in self.kept)
        except mx.base.MXNetError as error:
            raise failed_on(arrays, error) from error

    def restart(self) -> None:
        """As `Restarts`: random numbers start over."""
        restart_random()


def arguments(block: Any) -> list[str]:
    """Names of the inputs of a block: of a symbol's own, or those of its code.

    None of them where the code takes any number.
    """
    if isinstance(block, mx.gluon.SymbolBlock):
        return [entry.name for entry in leaves(block._cached_graph[0])]
    parameters = list(inspect.signature(block.hybrid_forward).parameters.values())[1:]
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return []
    private = set(block._reg_params)
    return [
        each.name
        for each in parameters
        if each.name not in private
        and each.kind is each.POSITIONAL_OR_KEYWORD
        and each.default is each.empty
    ]


def positions(block: Any, names: Sequence[str]) -> list[int]:
    """For each argument of the block, its place in the batch; none if all keep theirs.

    If no declared name is an argument, all go by position.

    Raises:
        DataError: Some names are arguments and some are not.
    """
    own = arguments(block)
    return places(own, names) if set(own) & set(names) else []


def leaves(outputs: Any) -> list[Any]:
    """Arrays in nested lists and tuples, in order."""
    waiting, found = [outputs], []
    while waiting:
        each = waiting.pop()
        if isinstance(each, (list, tuple)):
            waiting += reversed(each)
        elif each is not None:
            found.append(each)
    return found


@dataclass(frozen=True)
class Block:
    """A HybridBlock that can be converted.

    Attributes:
        outputs: Names of those of its outputs that are judged and kept, () for all.
    """

    block: Any
    outputs: tuple[str, ...] = ()

    def kept(self, count: int) -> list[int]:
        """The places of these outputs, for a number of inputs; none where all are kept.

        Raises:
            ModelError: There is no output of a name, or the block has no symbol.
        """
        if not self.outputs:
            return []
        return heads(_symbol(self.block, count), self.outputs, "the block")


ARGUMENT = "__argument__"
"""Attribute of an input: which of a block's arguments it is."""


def marked(network: Network) -> Network:
    """The network of a block, with its inputs in the block's order, which says so."""
    nodes = list(network.nodes)
    for k, index in enumerate(network.inputs):
        attrs = {**nodes[index].attrs, ARGUMENT: str(k)}
        nodes[index] = replace(nodes[index], attrs=attrs)
    return replace(network, nodes=tuple(nodes))


def block_arguments(network: Network) -> list[str]:
    """The inputs in the order of the block that a network was; [] if it was none."""
    inputs = [network.nodes[index] for index in network.inputs]
    if not all(ARGUMENT in node.attrs for node in inputs):
        return []
    inputs.sort(key=lambda node: int(node.attrs[ARGUMENT]))
    return [node.name for node in inputs]


Model = Network | Block
"""What the loading functions return, and `predictor` and `trace` take."""


def block_model(block: Any, *, outputs: Sequence[str] = ()) -> Block:
    """A Gluon block, with its parameters loaded, as a model.

    Args:
        outputs: Those of its outputs that are judged and kept, by the names that they
            have in its symbol; all without names.

    Raises:
        ModelError: It is no HybridBlock, so MXNet has no symbol of what it computes, or
            its parameters have no values.
    """
    if isinstance(block, type):
        raise ModelError(f"{block.__name__} is a class, no model", FACTORY)
    if not isinstance(block, mx.gluon.HybridBlock):
        kind = type(block).__name__
        raise ModelError(
            f"{kind} is no HybridBlock: MXNet has no symbol of what it computes",
            FACTORY,
        )
    empty = [
        name
        for name, parameter in block.collect_params().items()
        if parameter._data is None and not parameter._deferred_init
    ]
    if empty:
        raise ModelError(
            f"{len(empty)} of the block's parameters have no values, such as `{empty[0]}`",
            "Name the file of parameters as model.weights, or load it in the factory.",
        )
    return Block(block, tuple(outputs))


def as_model(model: Any) -> Model:
    """The model itself; a HybridBlock as what `block_model` makes of it."""
    return model if isinstance(model, Network | Block) else block_model(model)


def network_of(model: Any, batch: Inputs) -> Network:
    """What a HybridBlock computes, as a network.

    The block itself stays as it is: its code runs once on symbols.

    Args:
        batch: A real one: it fixes sizes that parameters leave open.

    Raises:
        ModelError: Its code can't run on symbols, or it has no output of a name.
    """
    known = model if isinstance(model, Block) else block_model(model)
    block, arrays = known.block, [_taken(value) for value in batch]
    try:
        leaves(block(*arrays))[0].wait_to_read()
    except Exception as error:  # the block's code may fail in any way
        raise _no_symbol(error) from error
    found = _symbol(block, len(arrays))
    kept = known.kept(len(arrays))
    cut = bool(kept) and kept != list(range(len(found.list_outputs())))
    if cut:
        found = grouped(found[k] for k in kept)
    values = {
        parameter.name: parameter._reduce().asnumpy()
        for parameter in block.collect_params().values()
    }
    network = canonical(found, values)
    # A symbol has its variables in the order in which they are used.
    own = _variables(block, len(arrays))
    network = in_order(
        network, [own.index(network.nodes[index].name) for index in network.inputs]
    )
    if cut and len(network.inputs) < len(arrays):
        raise ModelError(
            f"the outputs that model.outputs names depend on {len(network.inputs)} of "
            f"the {len(arrays)} inputs alone",
            "Name an output that the others lead to, or let the factory make a block "
            "that takes no other inputs.",
        )
    return network


def _no_symbol(error: Exception) -> ModelError:
    return ModelError(
        f"the block can't be run as a symbol: {said_by(error)}",
        "hybrid_forward(F, x, ...) must not look at values or shapes of arrays.",
    )


def _taken(value: Any) -> Any:
    """What a block takes: MXNet's other kind of array where `npx.set_np()` is on."""
    array = given(value)
    return array.as_np_ndarray() if mx.util.is_np_array() else array


def _variable(name: str) -> Any:
    found = mx.sym.var(name)
    return found.as_np_ndarray() if mx.util.is_np_array() else found


def _variables(block: Any, count: int) -> list[str]:
    """What a block's arguments are called in its symbol."""
    if isinstance(block, mx.gluon.SymbolBlock):
        return arguments(block)
    return ["data"] if count == 1 else [f"data{k}" for k in range(count)]


def _symbol(block: Any, count: int) -> Any:
    """What a block computes, as MXNet's symbol; raises as `network_of`."""
    if isinstance(block, mx.gluon.SymbolBlock):
        return block._cached_graph[1]
    try:
        return grouped(leaves(block(*map(_variable, _variables(block, count)))))
    except Exception as error:  # the block's code may fail in any way
        raise _no_symbol(error) from error
