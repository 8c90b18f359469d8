"""What nodes compute, names left out: equal digests are equal values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ..bodies.bodies import Bodies, Body
from ..ir.naming import parsed
from ..ir.protos import copied
from ..ir.schemas import op_def


class Digests:
    """Digests of a model's nodes, functions by what they compute.

    Args:
        bodies: The main graph and its functions.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.bodies = bodies
        self.functions: dict[str, str] = {}

    def nodes(
        self,
        body: Body,
        wanted: Iterable[str],
        given: Mapping[str, str],
        apart: str = "",
    ) -> dict[str, str]:
        """Node → what it computes, of all that some tensors need.

        Args:
            given: Name of a node that is fed → what stands for its value.
            apart: What tells nodes with state from those of others, "" for nothing.
        """
        known = dict(given)
        waiting = [parsed(each)[0] for each in wanted]
        while waiting:
            name = waiting[-1]
            taken = [parsed(each) for each in body.nodes[name].input]
            missing = (
                [n for n, _ in taken if n not in known] if name not in known else []
            )
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if name not in known:
                read = [(known[n], k) for n, k in taken]
                known[name] = self._node(body, name, read, apart)
        return known

    def _node(
        self, body: Body, name: str, read: Sequence[tuple[str, int]], apart: str
    ) -> str:
        node = body.nodes[name]
        bare = copied(node)
        bare.name = "" if node.op != "Placeholder" else name
        if apart and _has_state(node):
            bare.name = f"{apart} {name}"
        del bare.input[:]
        bare.ClearField("experimental_debug_info")
        for key in [key for key in bare.attr if key.startswith("_")]:
            del bare.attr[key]
        for called in _called(bare):
            called.name = self._function(called.name)
        content: bytes = bare.SerializeToString(deterministic=True)
        return sha256(content + repr(read).encode()).hexdigest()

    def _function(self, name: str) -> str:
        """What a function computes; functions don't call themselves."""
        if name not in self.bodies:
            return name
        if name not in self.functions:
            body = self.bodies[name]
            given = {each: f"argument {k}" for k, each in enumerate(body.arguments)}
            ends = [each.tensor for each in body.returns]
            acts = sorted(body.controls.values())
            found = self.nodes(body, [*ends, *acts], given)
            returned = [(found[node], index) for node, index in map(parsed, ends)]
            content = repr((returned, sorted(found[each] for each in acts)))
            self.functions[name] = sha256(content.encode()).hexdigest()
        return self.functions[name]


def _has_state(node: Any) -> bool:
    """Whether two such nodes may give different values for the same inputs."""
    known = op_def(node.op)
    return known is None or bool(known.is_stateful)


def _called(node: Any) -> Iterator[Any]:
    """The functions that a node's attributes name."""
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            yield attribute.func
        elif attribute.HasField("list"):
            yield from attribute.list.func
