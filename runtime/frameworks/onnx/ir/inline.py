"""A model without functions of its own.

Each call of a function becomes a copy of its body, so that every call has a precision
of its own. Values in there are named `call/function/value`, the call by its first
output; what the function returns has the names that the caller gave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ....common.errors import ModelError
from .proto.returned import DEFAULTS
from .regions import bodies


@dataclass(frozen=True)
class Calls:
    """Where functions were called.

    Attributes:
        functions: Region (`call/function`) → the function's name.
        homes: Name of a value that a call returned → the region that makes it.
        around: Region → the call that its own stands in, "" if in none.
    """

    functions: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, str] = field(default_factory=dict)

    def region(self, name: str) -> str:
        """The innermost call that makes a value, "" if none does."""
        if not self.functions:
            return ""
        if name in self.homes:
            return self.homes[name]
        found, end = "", name.find("/")
        while end >= 0:
            if name[:end] in self.functions:
                found = name[:end]
            end = name.find("/", end + 1)
        return found


def plain(model: ir.Model) -> tuple[ir.Model, Calls]:
    """A copy of the model with its functions inlined; tensors are shared.

    An input that has a default stays one, where not all weights are listed so.

    Raises:
        ModelError: A function calls itself, or imports another opset than the model.
    """
    copy = model.clone()
    copy.meta.update(model.meta)
    if lists_weights(copy):
        inputs = copy.graph.inputs
        inputs[:] = [value for value in inputs if not value.is_initializer()]
    inliner = _Inliner(copy, {}, {}, {})
    if copy.functions:
        inliner.inline(copy.graph, (), "")
        for identifier in list(copy.functions):
            del copy.functions[identifier]
    return copy, Calls(inliner.functions, inliner.homes, inliner.around)


def lists_weights(model: ir.Model) -> bool:
    """Whether all initializers stand among the inputs, as old exporters list them.

    ir_version 3 asks for that. Later such an input has a default, which whoever runs the
    model may override; all of `MANY` are nobody's interface.
    """
    listed = [value for value in model.graph.inputs if value.is_initializer()]
    stored = len(model.graph.initializers)
    return model.ir_version < DEFAULTS or stored == len(listed) >= MANY


MANY = 8
"""Initializers from which on an exporter is taken to have listed them all."""


@dataclass(frozen=True)
class _Inliner:
    model: ir.Model
    functions: dict[str, str]
    homes: dict[str, str]
    around: dict[str, str]

    def inline(
        self, nodes: Iterable[ir.Node], stack: tuple[str, ...], around: str
    ) -> None:
        """Inline all calls.

        Args:
            stack: Functions that these nodes are copied from, the outermost first.
            around: Region of the last of them.
        """
        for node in list(nodes):
            function = self.model.functions.get(node.op_identifier())
            if function is not None:
                if function.name in stack:
                    raise ModelError(
                        f"function {function.name} of the model calls itself"
                    )
                region = self._region(node, function, around)
                made = self._instance(node, function, region)
                self.inline(made, (*stack, function.name), region)
                continue
            for _, body in bodies(node):
                self.inline(body, stack, around)

    def _region(self, call: ir.Node, function: ir.Function, around: str) -> str:
        name = str(call.outputs[0].name)
        if around and not name.startswith(f"{around}/"):
            name = f"{around}/{name}"  # what the function around returns
        region = f"{name}/{function.name}"
        self.functions[region], self.around[region] = function.name, around
        return region

    def _instance(
        self, call: ir.Node, function: ir.Function, region: str
    ) -> list[ir.Node]:
        """Put a copy of the function's body in the place of a call; the new nodes."""
        self._check_opsets(function)
        graph, copy = call.graph, function.clone()
        assert graph is not None
        for node in copy.all_nodes():
            _resolve(node, call, function)
        for value in list(_values(copy)):
            value.name = f"{region}/{value.name}"
        results = list(copy.outputs)
        actual = [*call.inputs, *[None] * (len(copy.inputs) - len(call.inputs))]
        for formal, given in zip(list(copy.inputs), actual, strict=True):
            results = [given if each is formal else each for each in results]
            for user, index in list(formal.uses()):
                user.replace_input_with(index, given)
        nodes = list(copy)
        copy.outputs.clear()
        copy.remove(nodes)
        graph.insert_before(call, nodes)
        nodes += self._returned(call, results, set(nodes), region)
        graph.remove(call, safe=True)
        return nodes

    def _returned(
        self,
        call: ir.Node,
        results: list[ir.Value | None],
        inside: set[ir.Node],
        region: str,
    ) -> list[ir.Node]:
        """Give what the body returns the caller's names; what it passes on, a copy."""
        graph, added = call.graph, []
        assert graph is not None
        taken: set[ir.Value] = set()
        for old, new in zip(call.outputs, results, strict=False):
            if not old.name:
                continue
            if new is None or new in taken or new.producer() not in inside:
                node = ir.node("Identity", [new], num_outputs=1)
                graph.insert_before(call, node)
                added.append(node)
                new = node.outputs[0]
            taken.add(new)
            new.name, new.type, new.shape = (
                old.name,
                old.type or new.type,
                old.shape or new.shape,
            )
            self.homes[old.name] = region
            old.replace_all_uses_with(new, replace_graph_outputs=True)
        return added

    def _check_opsets(self, function: ir.Function) -> None:
        known = self.model.graph.opset_imports
        for domain, version in function.opset_imports.items():
            if known.setdefault(domain, version) != version:
                raise ModelError(
                    f"function {function.name} of the model is written in opset "
                    f"{version}, the model itself in {known[domain]}",
                    "Export the model in one opset.",
                )


def _resolve(node: ir.Node, call: ir.Node, function: ir.Function) -> None:
    """Give attributes that refer to the function's parameters the call's values."""
    for name, attribute in list(node.attributes.items()):
        if not attribute.is_ref():
            continue
        wanted = attribute.ref_attr_name
        assert wanted is not None
        given = call.attributes.get(wanted) or function.attributes.get(wanted)
        if given is None or (given.value is None and not given.is_ref()):
            del node.attributes[name]
        elif given.is_ref():
            assert given.ref_attr_name is not None
            node.attributes[name] = ir.RefAttr(name, given.ref_attr_name, given.type)
        else:
            node.attributes[name] = ir.Attr(name, given.type, given.value)


def _values(function: ir.Function) -> Iterator[ir.Value]:
    """All that nodes make in there, and what bodies take."""
    for node in function.all_nodes():
        yield from (value for value in node.outputs if value.name)
    for graph in function.subgraphs():
        yield from graph.inputs
        yield from graph.initializers.values()
