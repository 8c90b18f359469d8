"""A placement becomes a new graph: weights cast offline, one cast per tensor and target.

Bodies are rewritten as the main graph is. What they take and return is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from ....graph.graph import Precision
from ...protocol import Array
from ..ir import schemas
from ..ir.frozen import Endpoint, Frozen, Signature
from ..ir.int8.candidate import NOTHING, Quantized
from ..ir.naming import data, flat, parsed, waits
from ..ir.protos import NodeDef, copied
from ..ir.regions import Region
from ..ir.schemas import FLOAT, TYPES
from ..ir.slots import slots
from ..ir.weights import proto_of, stored, value_of
from ..running.interpreter import Key
from .clipping import PARTS, within
from .graph_def import graph_def
from .int8 import integral

Held = Mapping[str, Precision]
"""Tensor name in the Graph → the precision that its maker leaves it in."""


Clipped = Mapping[Precision, Set[tuple[str, str]]]
"""Precision → (region, reference) of what is kept within its range when it is cast."""


def rewrite(
    frozen: Frozen,
    main: Region,
    placement: Mapping[Key, Precision],
    held: Held,
    clipped: Clipped,
    int8: Quantized = NOTHING,
) -> Frozen:
    """The frozen model with every op in its precision.

    Args:
        frozen: What `main` was made from; left as it is.
        placement: (region, node) → precision; what is not named stays fp32.
        held: Of fp32 tensors; what is not named is fp32.
    """
    writer = _Writer(main, placement, held, clipped, frozen.weights, int8)
    region = writer.region()
    returned = dict(zip(main.results, region.results, strict=True))
    signatures = tuple(
        writer.aside(each) if each.key in frozen.aside else _new(each, returned)
        for each in frozen.signatures
    )
    region = replace(
        region, nodes=tuple(writer.nodes)
    )  # with the casts for those aside
    return replace(
        frozen,
        graph_def=graph_def(region, frozen.graph_def),
        signatures=signatures,
        weights=writer.weights,
    )


def _new(signature: Signature, returned: Mapping[str, str]) -> Signature:
    outputs = (replace(e, tensor=_tensor(returned, e)) for e in signature.outputs)
    return replace(signature, outputs=tuple(outputs))


def _tensor(returned: Mapping[str, str], endpoint: Endpoint) -> str:
    name, index = parsed(returned[flat(*parsed(endpoint.tensor))])
    return f"{name}:{index}"


class _Writer:
    """One region's new nodes while they grow."""

    def __init__(
        self,
        source: Region,
        placement: Mapping[Key, Precision],
        held: Held,
        clipped: Clipped,
        values: Mapping[str, Array],
        int8: Quantized = NOTHING,
    ) -> None:
        self.source, self.placement, self.held = source, placement, held
        self.clipped = clipped
        self.values = {} if source.id else values
        self.weights: dict[str, Array] = {}
        self.nodes: list[Any] = []
        self.bodies: dict[str, Mapping[str, Region]] = {}
        self.made: dict[tuple[str, Precision], str] = {}
        self.taken = set(source.by_name)
        chosen = {name: p for (region, name), p in placement.items() if not region}
        self.int8 = integral.of(
            source, int8, chosen, self.nodes, self.version, self._free
        )
        self.uses = self._uses()

    def region(self) -> Region:
        """The rewritten region."""
        for node in self.source.nodes:
            if self._constant(node.name):
                self._write_constant(node)
            elif node.name in self.int8.parts:
                self.int8.write(node.name)
            else:
                self._write(node)
        results = tuple(
            self.version(each, Precision.FP32) for each in self.source.results
        )
        return replace(
            self.source,
            nodes=tuple(self.nodes),
            live=frozenset(node.name for node in self.nodes),
            results=results,
            bodies=self.bodies,
        )

    def aside(self, signature: Signature) -> Signature:
        """A signature that is not converted: what it returns is fp32, too."""
        outputs = (
            replace(e, tensor=self._returned(e.tensor)) for e in signature.outputs
        )
        return replace(signature, outputs=tuple(outputs))

    def _returned(self, tensor: str) -> str:
        name, index = parsed(tensor)
        if not self._fp32(flat(name, index)):
            return tensor
        return "{}:{}".format(*parsed(self.version(flat(name, index), Precision.FP32)))

    def version(self, reference: str, precision: Precision) -> str:
        """The value in `precision`, cast once; other dtypes as they are."""
        if not self._fp32(reference):
            return reference
        made = self.int8.made(reference, precision)
        if made is not None:
            return made
        if (reference, precision) not in self.made:
            self.made[reference, precision] = self._cast(reference, precision)
        return self.made[reference, precision]

    def _write(self, node: Any) -> None:
        precision = self.placement.get((self.source.id, node.name), Precision.FP32)
        if precision is Precision.FP32 or node.name in self.source.bodies:
            new = copied(node)
        else:
            new = schemas.narrowed(node, precision)
        new.input[:] = [
            *(self._taken(new, *pair, precision) for pair in self._inputs(node)),
            *(f"^{name}" for name in waits(node)),
        ]
        bodies = self.source.bodies.get(node.name)
        if bodies is not None:
            self.bodies[node.name] = {
                called: self._inside(body) for called, body in bodies.items()
            }
        self.nodes.append(new)
        for index, port in enumerate(_outputs(node)):
            reference = flat(node.name, index)
            if port.type == FLOAT:
                self.made[reference, self._held(reference)] = reference

    def _inside(self, body: Region) -> Region:
        return _Writer(body, self.placement, self.held, self.clipped, {}).region()

    def _taken(
        self, new: Any, reference: str, castable: bool | None, precision: Precision
    ) -> str:
        if castable is None:  # only its shape is read: as it is held
            if self._fp32(reference) and not self._constant(parsed(reference)[0]):
                new.attr["T"].type = TYPES[self._held(reference)]
                return self.version(reference, self._held(reference))
            return self.version(reference, Precision.FP32)
        return self.version(reference, precision if castable else Precision.FP32)

    def _inputs(self, node: Any) -> list[tuple[str, bool | None]]:
        references = data(node)
        if node.name in self.source.bodies or schemas.op_def(node.op) is None:
            return [(reference, False) for reference in references]
        return list(zip(references, slots(node), strict=True))

    def _write_constant(self, node: Any) -> None:
        """The constant in each precision that it is used in; one keeps its name."""
        if not self._fp32(node.name):
            self.nodes.append(node)
            return
        used = self.uses.get(node.name) or {Precision.FP32}
        if node.name in self.int8.constants and node.name not in self.uses:
            return
        for precision in sorted(used, key=list(Precision).index):
            name = node.name
            if (Precision.FP32 in used) and precision is not Precision.FP32:
                name = self._free(f"{node.name}/{precision}")
            self.made[node.name, precision] = name
            self.nodes.append(self._stored(node, name, precision))

    def _stored(self, node: Any, name: str, precision: Precision) -> Any:
        new = copied(node)
        new.name = name
        new.attr["dtype"].type = TYPES[precision]
        if node.op == "Const":
            if precision is not Precision.FP32:
                value = stored(value_of(node), precision)
                new.attr["value"].tensor.CopyFrom(proto_of(value, precision))
        else:
            self.weights[name] = stored(self.values[node.name], precision)
        return new

    def _cast(self, reference: str, precision: Precision) -> str:
        name, index = parsed(reference)
        held = self._held(reference)
        wide = self.int8.made(reference, held)
        if wide is not None:
            self.made[reference, held] = wide
        maker = self.source.by_name[name]
        if maker.op == "Dequantize" and precision is Precision.BF16:
            new = schemas.narrowed(maker, precision)  # writes it by itself
            new.name = self._free(f"{name}/{precision}")
            self.nodes.append(new)
            return str(new.name)
        place = f"_{index}" if index else ""
        source = self.made[reference, held]
        if (self.source.id, reference) in self.clipped.get(precision, ()):
            stem = f"{name}/within_{precision}{place}"
            names = {part: self._free(f"{stem}{part}") for part in PARTS}
            nodes = within(source, precision, names)
            self.nodes.extend(nodes)
            source = nodes[-1].name
        new = NodeDef(
            name=self._free(f"{name}/to_{precision}{place}"),
            op="Cast",
            input=[source],
        )
        new.attr["SrcT"].type = TYPES[held]
        new.attr["DstT"].type = TYPES[precision]
        new.attr["Truncate"].b = False
        self.nodes.append(new)
        return str(new.name)

    def _uses(self) -> dict[str, set[Precision]]:
        """Constant's name → the precisions that nodes and results take it in."""
        found: dict[str, set[Precision]] = {}
        for node in self.source.nodes:
            if node.name in self.int8.parts:
                op = self.int8.parts[node.name]
                if self.int8.reads_bias(op):
                    found.setdefault(parsed(op.bias)[0], set()).add(Precision.FP32)
                continue
            precision = self.placement.get((self.source.id, node.name), Precision.FP32)
            for reference, castable in self._inputs(node):
                taken = precision if castable else Precision.FP32
                found.setdefault(parsed(reference)[0], set()).add(taken)
        for reference in self.source.results:
            found.setdefault(parsed(reference)[0], set()).add(Precision.FP32)
        return found

    def _held(self, reference: str) -> Precision:
        if reference in self.int8.ends:
            return Precision.FP32
        return self.held.get(self.source.within(reference), Precision.FP32)

    def _constant(self, name: str) -> bool:
        return self.source.by_name[name].op == "Const" or name in self.values

    def _fp32(self, reference: str) -> bool:
        name, index = parsed(reference)
        node = self.source.by_name[name]
        ports = _outputs(node)
        return index < len(ports) and ports[index].type == FLOAT

    def _free(self, wanted: str) -> str:
        name = wanted
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


def _outputs(node: Any) -> list[schemas.Port]:
    return [] if schemas.op_def(node.op) is None else schemas.outputs(node)
