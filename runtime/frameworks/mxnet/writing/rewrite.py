"""A placement becomes a new network: weights cast, one cast per tensor and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ....graph.graph import Precision
from ....graph.rounding import within_range
from ..ir.arrays import NUMBERS, Values, cast_operator
from ..ir.network import Entry, Network, Node
from ..ir.rebuilding import Rebuilding
from ..ir.scalars import fitting
from ..ir.slots import castable
from ..ir.weights import stored

SHAPE, DTYPE = "__shape__", "__dtype__"
"""A variable's sizes, and its dtype by number: what binding looks at."""


def rewrite(
    network: Network,
    placement: Mapping[int, Precision],
    held: Mapping[Entry, Precision],
    dimensions: Mapping[Entry, int],
) -> Network:
    """Copy the network with every op in its precision.

    Outputs that were fp32 are fp32, under the names that they had.

    Args:
        network: The prepared fp32 network.
        placement: Node → precision; nodes that are not named stay fp32.
        held: Entry → precision in which an fp32 value is made; others aren't fp32.
        dimensions: Entry → its number of dimensions.
    """
    writer = _Writer(network, placement, held, dimensions)
    writer.write()
    return declared(writer.copy.finish())


def declared(network: Network) -> Network:
    """The network whose parameters all say what they are.

    Who binds it from the shapes of its inputs alone (`simple_bind`, `mx.mod.Module`)
    infers the others, and most operators infer nothing backwards.
    """
    nodes = tuple(
        replace(node, attrs={**node.attrs, **_form(network.parameters[node.name])})
        if network.constant(index)
        else node
        for index, node in enumerate(network.nodes)
    )
    return replace(network, nodes=nodes)


def _form(values: Values) -> dict[str, str]:
    """A shape without sizes, or with a size of 0, stands for one that is not known."""
    known = values.shape and 0 not in values.shape
    shape = {SHAPE: str(values.shape)} if known else {}
    return {**shape, DTYPE: str(NUMBERS[values.dtype])}


@dataclass
class _Writer:
    """The new network while it grows; `versions` holds each value by precision."""

    network: Network
    placement: Mapping[int, Precision]
    held: Mapping[Entry, Precision]
    dimensions: Mapping[Entry, int]

    def __post_init__(self) -> None:
        self.copy = Rebuilding(self.network)
        self.versions: dict[tuple[Entry, Precision], Entry] = {}
        self.cast_heads = {
            head
            for head in self.network.heads
            if self.held.get(head, Precision.FP32) is not Precision.FP32
        }
        self.wanted = self._wanted()
        low = set(self.placement.values()) - {Precision.FP32}
        self.low = next(iter(low), Precision.FP32)
        self.feeding = self._feeding()

    def write(self) -> None:
        for index, node in enumerate(self.network.nodes):
            if self.network.constant(index):
                self._write_constant(index, node)
            else:
                self._write_node(index, node)
        for head in self.network.heads:
            self.copy.entries[head] = self.version(head, Precision.FP32)

    def version(self, entry: Entry, precision: Precision) -> Entry:
        """The value in `precision`, cast once; what isn't fp32 as it is."""
        made = self.held.get(entry)
        if made is None and not self.network.constant(entry[0]):
            return self.copy.entries[entry]
        key = entry, precision
        if key not in self.versions:
            self.versions[key] = self._cast(entry, precision)
        return self.versions[key]

    def _cast(self, entry: Entry, precision: Precision) -> Entry:
        source, output = self.copy.entries[entry], entry[1]
        node = self.network.nodes[entry[0]]
        name = node.name if node.outputs == 1 else f"{node.name}_{output}"
        to_head = entry in self.cast_heads and precision is Precision.FP32
        unique = (
            node.name
            if to_head and node.outputs == 1
            else self.copy.new_name(f"{name}_{precision.dtype}")
        )
        operator = cast_operator(self.dimensions[entry])
        attrs = {"dtype": precision.dtype}
        return self.copy.add(Node(operator, unique, attrs, (source,))), 0

    def _write_constant(self, index: int, node: Node) -> None:
        """Once in each precision that takes it; fp32 keeps the name, if it is used."""
        values, entry = self.network.parameters[node.name], (index, 0)
        precisions = self.wanted.get(entry, {Precision.FP32})
        if values.dtype.name != "float32":
            self.copy.copy(index)
            self.versions.update(
                {(entry, each): self.copy.entries[entry] for each in Precision}
            )
            return
        for precision in sorted(precisions, key=list(Precision).index):
            alone = len(precisions) == 1 or precision is Precision.FP32
            name = node.name if alone else f"{node.name}_{precision.dtype}"
            if alone:
                self.copy.names.discard(node.name)
            like = node if alone else None
            kept = stored(values, precision)
            if precision is Precision.FP32 and index in self.feeding:
                kept = within_range(values, self.low)
            made = self.copy.add_parameter(name, kept, like)
            self.versions[entry, precision] = made, 0

    def _write_node(self, index: int, node: Node) -> None:
        precision = self.placement.get(index, Precision.FP32)
        inputs = tuple(
            self.version(entry, precision if castable(node, k) else Precision.FP32)
            for k, entry in enumerate(node.inputs)
        )
        renamed = node.outputs == 1 and (index, 0) in self.cast_heads
        name = node.name
        if renamed:
            name = self.copy.new_name(f"{node.name}_{precision.dtype}")
        bound = self.low if index in self.feeding else precision
        made = self.copy.add(replace(fitting(node, bound), name=name, inputs=inputs))
        for k in range(node.outputs):
            entry = index, k
            self.copy.entries[entry] = made, k
            if entry in self.held:
                self.versions[entry, self.held[entry]] = made, k

    def _feeding(self) -> frozenset[int]:
        """Nodes whose values low ops take, perhaps by way of others, and so are cast."""
        found = set[int]()
        for index in reversed(range(len(self.network.nodes))):
            for reader in self.network.readers.get(index, ()):
                low = self.placement.get(reader, Precision.FP32) is not Precision.FP32
                if low or reader in found:
                    found.add(index)
        return frozenset(found)

    def _wanted(self) -> dict[Entry, set[Precision]]:
        """Constant → the precisions in which ops and outputs take it."""
        found: dict[Entry, set[Precision]] = {}
        for index, node in enumerate(self.network.nodes):
            precision = self.placement.get(index, Precision.FP32)
            for k, entry in enumerate(node.inputs):
                if self.network.constant(entry[0]):
                    taken = precision if castable(node, k) else Precision.FP32
                    found.setdefault(entry, set()).add(taken)
        for entry in self.network.heads:
            if self.network.constant(entry[0]):
                found.setdefault(entry, set()).add(Precision.FP32)
        return found
