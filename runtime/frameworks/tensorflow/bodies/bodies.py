"""A GraphDef as bodies: its main graph and its functions, all in one form.

In a FunctionDef a tensor is `node:output:k`, in a GraphDef `node:k`; passes see the
second form only, `:0` left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from ....common.errors import ModelError
from ..ir.naming import Nesting, canonical, parsed
from ..ir.protos import FunctionDef, GraphDef, NodeDef, copied

MAIN = ""
"""Name of the main graph's body."""

ARGUMENT = "Placeholder"
"""Op of the nodes that stand for a function's arguments."""


@dataclass(slots=True)
class Return:
    """One output of a function: its name, tensor and TensorFlow dtype."""

    name: str
    tensor: str
    dtype: int


@dataclass(slots=True)
class Body:
    """One graph, for passes to change. Its NodeDefs are shared: replaced, not changed.

    Attributes:
        name: The function's, `MAIN` for the main graph.
        nodes: Name → NodeDef; a function's arguments first, the file's order after.
        arguments: Names of the nodes that stand for a function's arguments, in order.
        returns: What it returns, in order.
        controls: Name of a control output → the node that runs for its effect.
        frame: The FunctionDef without all of these.
        argument_attributes: Argument → what the function says of it.
    """

    name: str
    nodes: dict[str, Any]
    arguments: list[str] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    controls: dict[str, str] = field(default_factory=dict)
    frame: Any = None
    argument_attributes: dict[str, Any] = field(default_factory=dict)


Bodies = dict[str, Body]


def rewired(node: Any, inputs: list[str]) -> Any:
    """The node with other inputs; itself if they are the same."""
    if list(node.input) == inputs:
        return node
    copy = copied(node)
    del copy.input[:]
    copy.input.extend(inputs)
    return copy


def callees(node: Any, known: Mapping[str, Any]) -> list[str]:
    """Names of the functions that a node calls, or hands to its op."""
    found = [node.op]
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            found.append(attribute.func.name)
        elif attribute.HasField("list"):
            found.extend(each.name for each in attribute.list.func)
    return [name for name in found if name in known]


def functions_called(
    nodes: Iterable[Any],
    library: Mapping[str, Any],
    inside: Callable[[Any], Iterable[Any]],
) -> set[str]:
    """Names of the library's functions that nodes call, directly or not.

    Args:
        inside: The nodes of a function.
    """
    waiting = list(nodes)
    found: set[str] = set()
    while waiting:
        for name in callees(waiting.pop(), library):
            if name not in found:
                found.add(name)
                waiting.extend(inside(library[name]))
    return found


def split(graph_def: Any) -> Bodies:
    """The bodies of a GraphDef, which stays as it is.

    Raises:
        ModelError: An op or a tensor of a function is not known.
    """
    library = {f.signature.name: f for f in graph_def.library.function}
    nodes = {
        node.name: rewired(node, [canonical(each) for each in node.input])
        for node in graph_def.node
    }
    bodies = {MAIN: Body(MAIN, nodes)}
    for function in graph_def.library.function:
        bodies[function.signature.name] = _body(function, library)
    return bodies


def joined(bodies: Bodies, versions: Any) -> Any:
    """A GraphDef of bodies.

    Args:
        versions: The VersionDef of the GraphDef that they are from.
    """
    graph_def = GraphDef()
    graph_def.versions.CopyFrom(versions)
    graph_def.node.extend(bodies[MAIN].nodes.values())
    library = {name: _signed(body) for name, body in bodies.items() if name != MAIN}
    for name, function in library.items():
        _filled(function, bodies[name], library)
        graph_def.library.function.append(function)
    return graph_def


def source(body: Body, tensor: str, through: Set[str]) -> tuple[str, int]:
    """The node that makes a tensor, and its output, looked for through some ops."""
    name, index = parsed(tensor)
    for _ in body.nodes:
        node = body.nodes.get(name)
        if node is None or node.op not in through:
            break
        name, index = parsed(node.input[0])
    return name, index


def _body(function: Any, library: Mapping[str, Any]) -> Body:
    signature = function.signature
    place = f" of function {signature.name}"
    body = Body(signature.name, {}, frame=FunctionDef())
    for name, value in function.attr.items():
        if name != "_input_shapes":  # passes may change what a function takes
            body.frame.attr[name].CopyFrom(value)
    body.frame.signature.name = signature.name
    body.frame.signature.is_stateful = signature.is_stateful
    for k, argument in enumerate(signature.input_arg):
        body.arguments.append(argument.name)
        body.nodes[argument.name] = _argument(argument, place)
        if k in function.arg_attr:
            body.argument_attributes[argument.name] = function.arg_attr[k]
    nesting = Nesting(function.node_def, library, place)
    for node in function.node_def:
        inputs = [nesting.flat(each) for each in node.input]
        body.nodes[node.name] = rewired(node, inputs)
    for output in signature.output_arg:
        made = nesting.flat(function.ret[output.name])
        body.returns.append(Return(output.name, made, output.type))
    body.controls = {n: function.control_ret[n] for n in signature.control_output}
    return body


def _argument(argument: Any, place: str) -> Any:
    if not argument.type or argument.number_attr:
        raise ModelError(
            f"argument {argument.name}{place} has no one dtype",
            "Save the model again with a newer TensorFlow.",
        )
    node = NodeDef(name=argument.name, op=ARGUMENT)
    node.attr["dtype"].type = argument.type
    return node


def _signed(body: Body) -> Any:
    """The function with its signature, for others' nodes to be read by."""
    function = FunctionDef()
    function.CopyFrom(body.frame)
    signature = function.signature
    for k, name in enumerate(body.arguments):
        dtype = body.nodes[name].attr["dtype"].type
        signature.input_arg.add(name=name, type=dtype)
        if name in body.argument_attributes:
            function.arg_attr[k].CopyFrom(body.argument_attributes[name])
    for each in body.returns:
        signature.output_arg.add(name=each.name, type=each.dtype)
    signature.control_output.extend(body.controls)
    return function


def _filled(function: Any, body: Body, library: Mapping[str, Any]) -> None:
    """Write the body's nodes, returns and controls into its function."""
    inner = [node for name, node in body.nodes.items() if name not in body.arguments]
    nesting = Nesting(inner, library, f" of function {body.name}")
    function.node_def.extend(
        rewired(node, [nesting.nested(each) for each in node.input]) for node in inner
    )
    for each in body.returns:
        function.ret[each.name] = nesting.nested(each.tensor)
    for name, node in body.controls.items():
        function.control_ret[name] = node
