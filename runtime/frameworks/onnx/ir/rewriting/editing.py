"""Adding constants and nodes to a graph under names that are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ..weights import register


@dataclass
class Editor:
    """Adds to a model; names are unique in all its graphs.

    Attributes:
        taken: Names of values.
        added: New node → the one whose work it does a part of.
    """

    taken: set[str]
    added: dict[ir.Node, ir.Node] = field(default_factory=dict)

    def fresh(self, near: str) -> str:
        """A name like `near` that no value has, the same in each run."""
        name, count = near, 1
        while name in self.taken:
            name = f"{near}_{count}"
            count += 1
        self.taken.add(name)
        return name

    def constant(
        self, graph: ir.Graph, values: npt.NDArray[np.generic], near: str
    ) -> ir.Value:
        """A new initializer of the graph."""
        tensor = ir.Tensor(np.asarray(values, order="C"), name=self.fresh(near))
        return register(graph, tensor)

    def inserted(
        self,
        before: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value],
        attributes: Mapping[str, int | str | Sequence[int] | ir.Attr] | None = None,
    ) -> ir.Value:
        """The output of a new node that stands before another and is part of it."""
        made = ir.node(op_type, inputs, attributes)
        made.outputs[0].name = self.fresh(f"{before.outputs[0].name}_{op_type.lower()}")
        before.prepend(made)
        self.added[made] = before
        return made.outputs[0]


def editor(model: ir.Model) -> Editor:
    """An editor that knows all the names there are."""
    names: set[str] = set()
    for graph in model.graphs():
        names.update(str(value.name) for value in graph.inputs)
        names.update(graph.initializers)
        names.update(str(v.name) for node in graph for v in node.outputs if v.name)
    return Editor(names)


def constant_of(value: ir.Value | None) -> ir.TensorProtocol | None:
    """The tensor that a value always is, None if it depends on the input."""
    if value is None or not value.is_initializer() or value.is_graph_input():
        return None
    return value.const_value
