"""A placement becomes a new graph: weights cast offline, one cast per tensor and target.

Bodies are rewritten as the main graph is. What they take and return is as it was; their
constants become operands again, each in the precisions that ops in there use it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from ....graph.graph import Precision
from ..ir import nodes
from ..ir.in_place import makes_new_memory
from ..ir.prepared import attribute, by_columns, is_by_columns, is_constant
from ..ir.regions import bodies, body_nodes
from ..ir.slots import slots
from ..ir.values.extremes import extremes
from ..ir.values.quantized import is_made_to_order, made_in
from ..ir.values.weights import fitted, stored, with_shifts
from ..running.finite import after, before, narrowed
from ..running.low import DTYPES

Constant = tuple[str, torch.Tensor, torch.dtype, bool]
"""A constant's name, the object that it is in all regions, a dtype to hold it in, and
whether by columns."""


def rewrite(
    module: fx.GraphModule,
    placement: Mapping[str, Precision],
    held: Mapping[str, Precision],
    returned: Mapping[int, Precision] = MappingProxyType({}),
) -> fx.GraphModule:
    """Copy the graph with every op in its precision.

    Args:
        module: The prepared fp32 graph; left as it is.
        placement: Node name → precision; nodes that are not named stay fp32.
        held: Node name → precision in which the node's fp32 value is made.
        returned: Place of an output → the precision that it is returned in, if not fp32.
    """
    low = {*placement.values()} - {Precision.FP32}
    extreme = {precision: extremes(module, DTYPES[precision]) for precision in low}
    writer = _Writer(module, placement, held, extreme)
    writer.write(returned)
    return writer.finish()


@dataclass
class _Writer:
    """The new graph while it grows; `versions` holds each value by precision.

    Attributes:
        extreme: Low precision → the nodes whose values may lie at its end.
    """

    module: fx.GraphModule
    placement: Mapping[str, Precision]
    held: Mapping[str, Precision]
    extreme: Mapping[Precision, Set[fx.Node]]

    def __post_init__(self) -> None:
        self.root = torch.nn.Module()
        self.graph = fx.Graph()
        self.graph.set_codegen(self.module.graph._codegen)
        self.versions: dict[tuple[fx.Node, Precision], fx.Node] = {}
        self.constants: dict[tuple[int, torch.dtype, bool], fx.Node] = {}
        self.plain: dict[fx.Node, fx.Node] = {}

    def write(self, returned: Mapping[int, Precision] = MappingProxyType({})) -> None:
        for node in self.module.graph.nodes:
            if node in self.plain:
                continue
            if node.op == "output" and returned:
                self._return(node, returned)
                continue
            if nodes.is_control_flow(node):
                self._copy_control_flow(node)
            elif not (is_constant(node) or is_made_to_order(node) or _is_body(node)):
                self._copy(node)  # the others are written where they are used

    def finish(self) -> fx.GraphModule:
        self.graph.lint()
        return fx.GraphModule(self.root, self.graph, class_name="Converted")

    def version(self, node: fx.Node, precision: Precision) -> fx.Node:
        """The value of `node` in `precision`, cast once; other dtypes as they are."""
        if is_constant(node):
            value = attribute(self.module, node)
            dtype = DTYPES[precision] if _is_fp32(node) else value.dtype
            return self.constant((str(node.target), value, dtype, is_by_columns(node)))
        if not _is_fp32(node):
            return self.plain[node]
        key = (node, precision)
        if key not in self.versions:
            self.versions[key] = (
                self._ordered(node, precision)
                if is_made_to_order(node)
                else self._cast(node, precision)
            )
        return self.versions[key]

    def constant(self, constant: Constant) -> fx.Node:
        """The constant, written once for each dtype and layout."""
        key = (id(constant[1]), *constant[2:])
        if key not in self.constants:
            self.constants[key] = self._new_constant(constant)
        return self.constants[key]

    def _copy(self, node: fx.Node) -> fx.Node:
        if "state" in node.meta:
            return self._copy_state(node)
        if node.op == "get_attr":
            name = str(node.target)
            self.root.add_module(name, self.module.get_submodule(name))
        precision = self.placement.get(node.name, Precision.FP32)
        wanted = _wanted(node, precision)
        new = self.graph.node_copy(
            node, lambda n: self.version(n, wanted.get(n, self._own(n)))
        )
        if precision in self.extreme:
            new = self._within(node, new, precision)
        self.plain[node] = new
        if _is_fp32(node):
            held = self.held.get(node.name, Precision.FP32)
            self.versions[node, held] = new
            if node.op == "placeholder" and held is not Precision.FP32:
                new.meta["val"] = node.meta["val"].to(DTYPES[held])
        return new

    def _return(self, node: fx.Node, returned: Mapping[int, Precision]) -> None:
        """The output, each value in its precision; one may be there in two of them."""
        leaves, form = tree_flatten(node.args)
        made = [
            self.version(leaf, returned.get(place, Precision.FP32))
            if isinstance(leaf, fx.Node)
            else leaf
            for place, leaf in enumerate(leaves)
        ]
        (result,) = tree_unflatten(made, form)
        self.plain[node] = self.graph.output(result)

    def _within(self, node: fx.Node, new: fx.Node, precision: Precision) -> fx.Node:
        """The low op with scalars that fit, and what it makes within the range."""
        dtype, extreme = DTYPES[precision], self.extreme[precision]
        new.args, new.kwargs = fitted(new, dtype)
        args, kwargs = with_shifts(new, dtype)
        with self.graph.inserting_before(new):
            args = before(node, args, kwargs, dtype, extreme, self._call)
        new.args, new.kwargs = args, kwargs
        made = after(node, args, new, dtype, extreme, self._call)
        assert isinstance(made, fx.Node)
        return made

    def _copy_state(self, node: fx.Node) -> fx.Node:
        """The buffer in its own dtype, in memory of its own: the graph writes it."""
        value = attribute(self.module, node).detach().clone()
        new = self._registered(str(node.target), value)
        self.plain[node] = self.versions[node, Precision.FP32] = new
        return new

    def _copy_control_flow(self, node: fx.Node) -> None:
        """Copy the op with its bodies; each takes the constants of all, in one order."""
        writers: list[_BodyWriter] = []
        taken: list[Constant] = []
        for body in bodies(self.module, node).values():
            writer = _BodyWriter(body, self.placement, self.held, self.extreme)
            writer.take_operands()
            writer.take(taken)
            writer.write()
            taken = writer.taken
            writers.append(writer)
        for name, writer in zip(body_nodes(node), writers, strict=True):
            writer.take(taken)
            self.root.add_module(str(name.target), writer.finish())
            self.plain[name] = self.graph.get_attr(str(name.target))
        operands = [self.constant(constant) for constant in taken]
        new = self._copy(node)
        last = new.args[-1]
        assert isinstance(last, (tuple, list))
        new.args = (*new.args[:-1], (*last, *operands))

    def _own(self, node: fx.Node) -> Precision:
        """What shape arithmetic reads: the value as made, so that it needs no cast."""
        return self.held.get(node.name, Precision.FP32)

    def _ordered(self, node: fx.Node, precision: Precision) -> fx.Node:
        """The zeros, ones or dequantized values made in `precision`."""
        new = self.graph.node_copy(node, lambda n: self.version(n, Precision.FP32))
        new.args, new.kwargs = made_in(new, DTYPES[precision])
        return new

    def _cast(self, node: fx.Node, precision: Precision) -> fx.Node:
        value, dtype = self.plain[node], DTYPES[precision]
        if node in self.extreme.get(precision, ()):
            new = narrowed(value, dtype, self._call)
            assert isinstance(new, fx.Node)
            return new
        return self._call(torch.ops.aten._to_copy.default, value, dtype=dtype)

    def _call(self, operator: Any, *args: Any, **kwargs: Any) -> fx.Node:
        return self.graph.call_function(operator, args, kwargs)

    def _new_constant(self, constant: Constant) -> fx.Node:
        """Register a weight under its own name; with its dtype, if that is taken."""
        name, value, dtype, columns = constant
        new = stored(value.detach(), dtype)
        return self._registered(name, by_columns(new) if columns else new)

    def _registered(self, name: str, value: torch.Tensor) -> fx.Node:
        *path, last = name.split(".")
        owner = self.root
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, torch.nn.Module())
            owner = owner.get_submodule(part)
        while hasattr(owner, last):
            last = f"{last}_{str(value.dtype).removeprefix('torch.')}"
        if value.untyped_storage().nbytes() > value.numel() * value.element_size():
            value = value.clone()  # archives hold whole storages
        owner.register_buffer(last, value)
        return self.graph.get_attr(".".join([*path, last]))


@dataclass
class _BodyWriter(_Writer):
    """A body's new graph; `taken` are the constants that it is to be handed."""

    taken: list[Constant] = field(default_factory=list)

    def take_operands(self) -> None:
        """Take what the body took before; constants come last."""
        for node in self.module.graph.find_nodes(op="placeholder"):
            self._copy(node)

    def take(self, constants: list[Constant]) -> None:
        """Take these too, whether an op here uses them or not."""
        for constant in constants:
            self.constant(constant)

    def _new_constant(self, constant: Constant) -> fx.Node:
        name = f"constant{len(self.taken)}"
        self.taken.append(constant)
        placeholders = self.graph.find_nodes(op="placeholder")
        place = (
            self.graph.inserting_after(placeholders[-1])
            if placeholders
            else self.graph.inserting_before()
        )
        with place:
            return self.graph.placeholder(name)

    def _copy(self, node: fx.Node) -> fx.Node:
        if node.op != "output":
            return super()._copy(node)
        return self.graph.node_copy(node, self._returned)

    def _returned(self, node: fx.Node) -> fx.Node:
        """A body may not return what it was handed, as folding can make it do."""
        value = self.version(node, Precision.FP32)
        if not _shows_constant(node):
            return value
        return self.graph.call_function(torch.ops.aten.clone.default, (value,))


def _shows_constant(node: object) -> bool:
    """Whether the node's memory may be a constant's."""
    while isinstance(node, fx.Node) and not is_constant(node):
        if makes_new_memory(node) or not node.args:
            return False
        node = node.args[0]
    return is_constant(node)


def _is_body(node: fx.Node) -> bool:
    return any(node in body_nodes(user) for user in node.users)


def _wanted(node: fx.Node, precision: Precision) -> dict[fx.Node, Precision]:
    """The precision in which an op, or the graph's output, takes each tensor."""
    if node.op == "output":
        return dict.fromkeys(node.all_input_nodes, Precision.FP32)
    if not nodes.is_op(node):
        return {}
    return {n: precision if follows else Precision.FP32 for n, follows in slots(node)}


def _is_fp32(node: fx.Node) -> bool:
    value: Any = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32
