"""From the prepared FX graph to the Graph that placement and search see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx

from ...graph.graph import REGION, Graph, Kind, Op, Slot, Tensor
from ..absorbed import absorbing, remembered
from ..picturing import settled
from ..protocol import Inputs
from .ir import nodes
from .ir.flops import counted, uncounted
from .ir.naming import tensor_names
from .ir.operators import growth
from .ir.prepared import Prepared, is_constant
from .ir.regions import Region, bodies, operands, regions
from .ir.slots import slots, taken_as_held
from .ir.values.quantized import is_made_to_order
from .running.interpreter import Interpreter


def picture(prepared: Prepared, inputs: Inputs) -> Graph:
    """Run the graph once on a real batch and describe what was seen."""
    seen = _Observer(prepared.module)
    with torch.inference_mode():
        seen.run(*inputs)
    names = tensor_names(prepared)
    known = {r.module: r for r in regions(prepared.module, prepared.ids)}
    tensors = {name: seen.tensor(node, name) for node, name in names.items()}
    draw = _Draw(prepared, names, tensors, seen.flops, known)
    graph = prepared.module.graph
    placeholders = graph.find_nodes(op="placeholder")
    state = [n for n in graph.find_nodes(op="get_attr") if "state" in n.meta]
    return Graph(
        ops=tuple(draw.ops(known[prepared.module])),
        tensors=tensors,
        inputs=tuple(names[n] for n in (*placeholders, *state) if n in names),
        outputs=tuple(
            names[n] for n in _leaves(graph.output_node().args) if n in names
        ),
        dropped=remembered(prepared.told.dropped),
    )


def _leaves(outputs: Any) -> list[fx.Node]:
    """The nodes that are returned, in order, each as often as it is."""
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return [leaf for leaf in leaves if isinstance(leaf, fx.Node)]


@dataclass(frozen=True)
class _Draw:
    """What ops are made of; regions are known by their modules."""

    prepared: Prepared
    names: Mapping[fx.Node, str]
    tensors: Mapping[str, Tensor]
    flops: Mapping[fx.Node, int]
    regions: Mapping[fx.GraphModule, Region]

    def ops(self, region: Region) -> Iterator[Op]:
        """The region's ops in order, a body's before the op that runs it."""
        for node in region.module.graph.nodes:
            if not nodes.is_op(node):
                continue
            inside = [
                self.regions[body] for body in bodies(region.module, node).values()
            ]
            for body in inside:
                yield self._entrance(region, body)
                yield from self.ops(body)
            yield self._op(region, node, inside)

    def _entrance(self, region: Region, body: Region) -> Op:
        """Stands for the border of a body, where operands are as they are outside."""
        assert body.caller is not None
        taken = body.module.graph.find_nodes(op="placeholder")
        given = [n for n in operands(body.caller) if n in self.names]
        return Op(
            id=body.id,
            type=REGION,
            kind=Kind.FIXED,
            inputs=tuple(Slot(self.names[n], castable=False) for n in given),
            outputs=tuple(self.names[n] for n in taken if n in self.names),
            scope=nodes.module_path(body.caller),
            region=region.id,
            key=body.id,
        )

    def _op(self, region: Region, node: fx.Node, inside: list[Region]) -> Op:
        names, id_ = self.names, self.prepared.ids[node.name]
        outputs = tuple(names[n] for n in nodes.made(node) if n in names)
        taken = self._slots(node, inside)
        kind, taken = settled(nodes.kind(node), taken, outputs, self.tensors)
        op = Op(
            id=id_,
            type=region.local(id_).split(":")[-2],
            kind=kind,
            inputs=taken,
            outputs=outputs,
            scope=nodes.module_path(node),
            region=region.id,
            flops=self._flops(node, kind, outputs),
            key=node.name,
            growth=growth(
                nodes.operator_name(node), bool(node.kwargs.get("rounding_mode"))
            ),
        )
        return absorbing(op, self.prepared.told.absorbed.get(id_, ()))

    def _slots(self, node: fx.Node, inside: list[Region]) -> tuple[Slot, ...]:
        """What the op takes, then what its bodies return."""
        results = (
            leaf
            for body in inside
            for leaf in _leaves(body.module.graph.output_node().args)
        )
        return (
            *(Slot(self.names[n], False, as_held=True) for n in taken_as_held(node)),
            *(Slot(self.names[n], follows) for n, follows in slots(node)),
            *(Slot(self.names[n], False) for n in results if n in self.names),
        )

    def _flops(self, node: fx.Node, kind: Kind, outputs: tuple[str, ...]) -> int:
        if kind is Kind.MOVER:
            return 0
        if kind is not Kind.POINTWISE:
            return self.flops.get(node, 0)
        made = [self.tensors[name] for name in outputs]
        return sum(tensor.elements * tensor.runs for tensor in made)


class _Observer(Interpreter):
    """Runs the graph and keeps dtypes, shapes and FLOPs, not values."""

    everywhere = True

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.tensors: dict[fx.Node, tuple[str, tuple[int, ...]]] = {}
        self.flops: dict[fx.Node, int] = {}

    def tensor(self, node: fx.Node, name: str) -> Tensor:
        """What was seen of the node; what export knows, if the batch never made it."""
        dtype, shape = self.tensors.get(node) or _described(node.meta["val"])
        constant = is_constant(node) or is_made_to_order(node)
        module = node.graph.owning_module
        assert module is not None
        runs = 1 if constant else self.trips.get(module, 1)
        return Tensor(name, dtype, shape, constant, runs)

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        # torch's counter hooks the gradients of what enters an unknown loop.
        value = super().get_attr(target, args, kwargs)
        return value.detach() if isinstance(value, torch.Tensor) else value

    def run_node(self, n: fx.Node) -> Any:
        contracts = nodes.is_op(n) and nodes.kind(n) is Kind.COMPUTE
        if contracts or (nodes.is_op(n) and nodes.is_opaque(n)):
            value, flops = counted(partial(super().run_node, n))
            if contracts and not flops:
                args, _kwargs = self.fetch_args_kwargs_from_env(n)
                flops = uncounted(nodes.operator_name(n), args, value)
            # A loop's body counts as often as it runs.
            self.flops[n] = self.flops.get(n, 0) + flops
        else:
            value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            self.tensors[n] = _described(value)
        return value


def _described(value: torch.Tensor) -> tuple[str, tuple[int, ...]]:
    sizes = tuple(s if isinstance(s, int) else s.node.hint or 1 for s in value.shape)
    return str(value.dtype).removeprefix("torch."), sizes
