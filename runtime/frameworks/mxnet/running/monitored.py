"""How long each op takes where it runs: in a whole network, in the layouts it meets.

Alone, a convolution would be timed with the conversion from and to plain layouts that a
network does not make. So whole networks run, and MXNet's monitor says when each op,
or what oneDNN fused into one, is done.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ....common.timing import Clock, Latency, latency
from ..ir.arrays import on_device
from ..ir.library import mx
from ..ir.network import VARIABLE, Network, Node, from_json, symbol
from ..ir.operators import COMPUTE
from ..ir.quantized.nodes import on_integers
from .session import bound
from .switches import backend

WARM_UP = 2
LONGEST_CHAIN = 16


class Monitored:
    """A network that runs op by op.

    Attributes:
        members: Name of a node that runs → the nodes of the network that it stands for.
    """

    def __init__(self, network: Network, batch: Sequence[Any]) -> None:
        made = _partitioned(symbol(network))
        nodes = from_json(made.tojson(remove_amp_cast=False)).nodes
        self.members = {n.name: list(_inner(n)) for n in nodes if not n.variable}
        self._owner = _outputs(made, nodes)
        held = {k: on_device(v) for k, v in network.parameters.items()}
        self._executor = bound(made, network, held, batch)
        self._marks: list[tuple[str, float]] = []
        self._clock: Clock | None = None
        self._executor.set_monitor_callback(self._seen)

    def run(self, clock: Clock) -> dict[str, float]:
        """Seconds of each node that runs, by its name."""
        self._marks, self._clock = [], clock
        mx.nd.waitall()
        last = clock()
        self._executor.forward(is_train=False)
        found: dict[str, float] = {}
        owner = ""
        for name, time in self._marks:
            owner = self._owner.get(name, owner)  # hidden outputs follow the others
            found[owner] = found.get(owner, 0.0) + time - last
            last = time
        return found

    def _seen(self, name: Any, handle: Any) -> None:
        array = mx.nd.NDArray(ctypes.cast(handle, mx.base.NDArrayHandle), False)
        array.wait_to_read()
        assert self._clock is not None
        text = name.decode() if isinstance(name, bytes) else str(name)
        self._marks.append((text, self._clock()))


def _partitioned(plain: Any) -> Any:
    """The symbol as executors run it, with what oneDNN fuses in nodes of their own.

    Where MXNet drops copies it invents variables: such a symbol stays as it is.
    """
    if backend() in ("", "NONE"):
        return plain
    made = plain.get_backend_symbol(backend())
    same = made.list_arguments() == plain.list_arguments()
    return made if same else plain


def _inner(node: Node) -> Iterator[str]:
    if not node.op.startswith("_sg_") or on_integers(node.op, node.attrs):
        yield node.name
        return
    for body in node.bodies:
        for each in from_json(json.dumps(body)).nodes:
            if not each.variable:
                yield each.name


def _outputs(made: Any, nodes: Sequence[Node]) -> dict[str, str]:
    """What MXNet calls each output → the node that makes it."""
    internals = made.get_internals()
    heads = json.loads(internals.tojson(remove_amp_cast=False))["heads"]
    names = internals.list_outputs()
    return {
        name: nodes[index].name
        for name, (index, *_rest) in zip(names, heads, strict=True)
    }


def timed(
    networks: Mapping[str, Monitored], clock: Clock, rounds: int
) -> dict[str, dict[str, Latency]]:
    """Latency of each node that runs, all networks in turn; less what watching takes."""
    for _ in range(WARM_UP):
        for network in networks.values():
            network.run(clock)
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in networks}
    watching = overhead(clock)
    for _ in range(rounds):
        for name, network in networks.items():
            for node, seconds in network.run(clock).items():
                taken[name].setdefault(node, []).append(max(seconds - watching, 0.0))
    return {
        name: {node: latency(each) for node, each in nodes.items()}
        for name, nodes in taken.items()
    }


def overhead(clock: Clock) -> float:
    """What watching an op takes that computes next to nothing."""
    nodes = [Node(VARIABLE, "data")]
    for k in range(LONGEST_CHAIN):
        nodes.append(Node("abs", f"abs{k}", {}, ((k, 0),)))
    chain = Monitored(
        Network(tuple(nodes), ((LONGEST_CHAIN, 0),), {}), [mx.nd.ones((1,))]
    )
    found = [seconds for _ in range(5) for seconds in chain.run(clock).values()]
    return float(np.median(found))


def anchor(network: Network, members: Sequence[str]) -> str:
    """Of ops that run as one, the one that takes all the time: what contracts."""
    kinds = {node.name: node.op for node in network.nodes}
    contracting = [name for name in members if kinds.get(name) in COMPUTE]
    return (contracting or list(members))[0]
