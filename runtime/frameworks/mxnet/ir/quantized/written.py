"""Ops in int8 become oneDNN's fused nodes, integers staying integers between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ....quantizing.quantization import Scale, Scales
from ....quantizing.scaling import ENDS
from ..network import Entry, Network, Node, to_json
from ..rebuilding import Rebuilding
from .chains import (
    ADDS,
    CONV,
    DENSE,
    FUSED,
    PASSING,
    UNSIGNED,
    Chain,
    body,
    clamps,
    only_reader,
    passes,
)


@dataclass(frozen=True)
class Integers:
    """A tensor as integers: them and the ends of what they stand for."""

    parts: tuple[Entry, Entry, Entry]
    dtype: str


def written(network: Network, taken: Mapping[str, str], scales: Scales) -> Network:
    """The network with ops as oneDNN's int8 nodes.

    Args:
        network: With all casts, in which these ops are fp32.
        taken: Name of a node that is to be int8 → the tensor that it takes, by the name
            that it has in `scales`.
        scales: Of all tensors that int8 kernels take, and may write.
    """
    if not taken:
        return network
    writer = _Writer(network, taken, scales)
    writer.write()
    return writer.copy.finish()


class _Writer:
    """The new network while it grows."""

    def __init__(
        self, network: Network, taken: Mapping[str, str], scales: Scales
    ) -> None:
        self.network, self.taken, self.scales = network, taken, scales
        self.copy = Rebuilding(network)
        self.integers: dict[tuple[Entry, str], Integers] = {}
        self.int8 = {
            index
            for index, node in enumerate(network.nodes)
            if node.name in taken and node.op in FUSED
        }
        self.chains: dict[int, Chain] = {}
        for index in sorted(self.int8):
            chain = self._chain(index)
            self.chains[chain.end] = chain
        inner = {k for chain in self.chains.values() for k in self._members(chain)}
        self.inner = inner - self.chains.keys()

    def write(self) -> None:
        for index in range(len(self.network.nodes)):
            if index in self.chains:
                self._write_chain(self.chains[index])
            elif index not in self.inner:
                self.copy.copy(index)

    def _chain(self, start: int) -> Chain:
        """The most that fits, of what has a scale.

        oneDNN takes what it adds for integers of the kind that it writes: of another,
        it makes other values.
        """
        reader = only_reader(self.network, start)
        if reader is not None and self.network.nodes[start].op == CONV:
            added = self._added(start, reader)
            if added is not None:
                chain = self._clamped(Chain(start, reader, added))
                if self._integer_dtype(added, start) == chain.dtype:
                    return chain
        return self._clamped(Chain(start, start))

    def _clamped(self, chain: Chain) -> Chain:
        """With the ReLU that alone reads it."""
        reader = only_reader(self.network, chain.end)
        if reader is None or not clamps(self.network.nodes[reader]):
            return chain
        if self.network.nodes[reader].name not in self.scales:
            return chain
        return replace(chain, end=reader, clamped=True)

    def _added(self, start: int, reader: int) -> Entry | None:
        """The other operand of an addition, if it is there as integers before.

        Of two products the later takes the sum with it.
        """
        node = self.network.nodes[reader]
        if node.op not in ADDS:
            return None
        others = [entry for entry in node.inputs if entry[0] != start]
        if len(others) != 1 or others[0][0] > start or node.name not in self.scales:
            return None
        return others[0]

    def _integer_dtype(self, entry: Entry, before: int) -> str | None:
        """What a value is as integers by itself, or for who took it before a node."""
        made = self._made_as(entry)
        if made is not None:
            return made
        tensor = self._quantized_for(entry, before)
        return None if tensor is None else self.scales[tensor].dtype

    def _quantized_for(self, entry: Entry, before: int) -> str | None:
        """The tensor that an int8 op before a node takes a value as."""
        for index in sorted(self.int8):
            node = self.network.nodes[index]
            if index < before and node.inputs[0] == entry:
                return self.taken[node.name]
        return None

    def _made_as(self, entry: Entry) -> str | None:
        """What a value is as integers without being quantized for it."""
        index = entry[0]
        if index in self.chains:
            chain = self.chains[index]
            return None if self._leaves_floats(chain) else chain.dtype
        node = self.network.nodes[index]
        moves = node.op in PASSING and passes(node)
        return self._made_as(node.inputs[0]) if moves else None

    def _leaves_floats(self, chain: Chain) -> bool:
        """Whether the kernel writes floats itself: a dense layer's, unless all its
        readers take integers."""
        if self.network.nodes[chain.start].op == CONV:
            return False
        readers = self.network.readers.get(chain.end, ())
        outputs = {index for index, _k in self.network.heads}
        return (
            not readers
            or chain.end in outputs
            or not all(
                reader in self.int8
                and self.network.nodes[reader].inputs[0][0] == chain.end
                for reader in readers
            )
        )

    def _members(self, chain: Chain) -> list[int]:
        found = [chain.start]
        while found[-1] != chain.end:
            reader = only_reader(self.network, found[-1])
            assert reader is not None
            found.append(reader)
        return found

    def _write_chain(self, chain: Chain) -> None:
        network = self.network
        start, end = network.nodes[chain.start], network.nodes[chain.end]
        tensor = self.taken[start.name]
        data = self._as_integers(start.inputs[0], tensor, self.scales[tensor].dtype)
        operands = [data.parts[0], *self.copy.mapped(start.inputs[1:])]
        ranges = [*data.parts[1:]]
        if chain.added is not None:
            added = self._added_integers(chain.added, chain.start)
            operands.append(added.parts[0])
            ranges += added.parts[1:]
        floats = self._leaves_floats(chain)
        name = end.name if floats else self.copy.new_name(f"{start.name}_int8")
        scale = self.scales[end.name]
        node = Node(
            FUSED[start.op],
            name,
            self._attributes(chain, start, floats, scale),
            (*operands, *ranges),
            (json.loads(to_json(body(network, self._members(chain)))),),
            1 if floats else 3,
        )
        made = self.copy.add(node)
        if floats:
            self.copy.entries[chain.end, 0] = made, 0
            return
        parts = ((made, 0), (made, 1), (made, 2))
        self.integers[(chain.end, 0), chain.dtype] = Integers(parts, chain.dtype)
        back = self.copy.add(Node("_contrib_dequantize", end.name, {}, parts))
        self.copy.entries[chain.end, 0] = back, 0

    def _attributes(
        self, chain: Chain, start: Node, floats: bool, scale: Scale
    ) -> dict[str, str]:
        attrs = {"quantized": "true"}
        if start.op == DENSE:
            attrs["channel_wise_quantize"] = "true"
            if chain.clamped:
                attrs["with_eltwise"] = "true"
        elif chain.added is not None:
            attrs["with_sum"] = "true"
            if chain.clamped:
                attrs["with_postsum_act"] = "true"
        elif chain.clamped:
            attrs["with_act"] = "true"
        if floats:
            return {**attrs, "enable_float_output": "true"}
        most = scale.scale * (ENDS[scale.dtype][1])
        return {**attrs, **_calibrated(most, chain.dtype)}

    def _as_integers(self, entry: Entry, tensor: str, dtype: str) -> Integers:
        """A value as integers of a dtype, quantized once for all that take it."""
        if self._made_as(entry) == dtype:
            return self._at_hand(entry)
        if (entry, dtype) not in self.integers:
            scale = self.scales[tensor]
            attrs = {
                "out_type": dtype,
                **_calibrated(scale.scale * ENDS[dtype][1], dtype),
            }
            name = self.copy.new_name(f"{tensor}_int8".replace("#", "_"))
            taken = (self.copy.entries[entry],)
            made = self.copy.add(
                Node("_contrib_quantize_v2", name, attrs, taken, outputs=3)
            )
            parts = ((made, 0), (made, 1), (made, 2))
            self.integers[entry, dtype] = Integers(parts, dtype)
        return self.integers[entry, dtype]

    def _added_integers(self, entry: Entry, start: int) -> Integers:
        if self._made_as(entry) is not None:
            return self._at_hand(entry)
        tensor = self._quantized_for(entry, start)
        assert tensor is not None
        return self._as_integers(entry, tensor, self.scales[tensor].dtype)

    def _at_hand(self, entry: Entry) -> Integers:
        """What `_made_as` says is there; moved by what keeps integers as they are."""
        if entry[0] in self.chains:
            return self.integers[entry, self.chains[entry[0]].dtype]
        node = self.network.nodes[entry[0]]
        before = self._at_hand(node.inputs[0])
        key = entry, before.dtype
        if key not in self.integers:
            made = self.copy.add(
                replace(
                    node,
                    op=PASSING[node.op],
                    name=self.copy.new_name(f"{node.name}_int8"),
                    inputs=before.parts,
                    outputs=3,
                )
            )
            parts = ((made, 0), (made, 1), (made, 2))
            self.integers[key] = Integers(parts, before.dtype)
        return self.integers[key]


def _calibrated(most: float, dtype: str) -> dict[str, str]:
    least = 0.0 if dtype == UNSIGNED else -most
    return {"min_calib_range": repr(least), "max_calib_range": repr(most)}
