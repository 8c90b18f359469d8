"""Which values may lie at the end of a 16-bit format, whatever the batch holds.

A mask of -1e9, or of fp32's lowest number, means "as small as can be". It is a constant,
or comes in from outside, and what is computed from it leaves a 16-bit format's range on
rows that no calibration batch need have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....graph.formats import LIMITS
from ....graph.graph import Kind, Precision
from ...listing import listed
from ...protocol import Array
from ..ir import operators
from ..ir.naming import data, flat, parsed
from ..ir.regions import LOOPS, Region
from ..ir.schemas import FLOAT, op_def, outputs
from ..ir.weights import value_of

BOUNDED = listed(
    """
    Atan Cos Erf Erfc FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Inv Reciprocal
    Rsqrt Sigmoid Sin Softmax Softsign Tanh
    """
)
"""Whatever they take, what they make is ordinary."""

PASSING = listed("AvgPool AvgPool3D Elu LogSoftmax Selu Softplus")
"""Pointwise ops that make nothing larger than what they take."""

SUMS = listed("Add AddN AddV2 BiasAdd BiasAddV1 Sub")
PRODUCTS = listed("Div DivNoNan Mul MulNoNan RealDiv")
MIXING = listed("Add AddV2 Cast Mul Select SelectV2 Sub")
"""Between a mask as it comes in and the softmax that it is for."""

NEAR = 0.9
"""Share of the range beyond which a constant means "as large as can be"."""

Place = tuple[str, str]
"""Region and reference, or region and node."""


@dataclass(frozen=True)
class Extremes:
    """Attributes:
    tensors: What may lie at the end of the format's range.
    unsafe: Ops that would make infinities of such values that fp32 doesn't.
    """

    tensors: frozenset[Place]
    unsafe: frozenset[Place]


def extremes(
    main: Region, precision: Precision, weights: Mapping[str, Array]
) -> Extremes:
    """What in a model may lie at the end of a format."""
    found = _Finder(precision, weights)
    found.follow(main, [name in _masks(main) for name in main.arguments])
    return Extremes(frozenset(found.tensors), frozenset(found.unsafe))


@dataclass
class _Finder:
    precision: Precision
    weights: Mapping[str, Array]
    tensors: set[Place] = field(default_factory=set)
    unsafe: set[Place] = field(default_factory=set)

    @property
    def limit(self) -> float:
        return NEAR * float(LIMITS[self.precision].largest)

    @property
    def absorbs(self) -> bool:
        """Whether adding ordinary numbers to the range's end leaves it there."""
        return self.limit > float(np.finfo(np.float32).max) / 2

    def follow(self, region: Region, given: Iterable[bool]) -> list[bool]:
        """Follow such values through a region; which results are some."""
        for name, extreme in zip(region.arguments, given, strict=True):
            if extreme:
                self.tensors.add((region.id, name))
        for node, _done in region.steps:
            if node.name in region.bodies:
                made = self._in_bodies(region, node)
            else:
                made = self._made(region, node)
            self.tensors |= {(region.id, flat(node.name, k)) for k in made}
        return [(region.id, each) in self.tensors for each in region.results]

    def _in_bodies(self, region: Region, node: Any) -> list[int]:
        bodies = region.bodies[node.name]
        given = [(region.id, each) in self.tensors for each in data(node)]
        returned: set[int] = set()
        for called, body in bodies.items():
            own = given[len(given) - len(body.arguments) :]
            results = self.follow(body, own)
            while (
                node.op in LOOPS
                and called == "body"
                and any(
                    made and not before
                    for made, before in zip(results, own, strict=True)
                )
            ):
                own = [a or b for a, b in zip(results, own, strict=True)]
                results = self.follow(body, own)
            if called != "condition":
                returned |= {k for k, extreme in enumerate(results) if extreme}
        return sorted(returned)

    def _made(self, region: Region, node: Any) -> list[int]:
        """The outputs that may be extreme; says what is unsafe."""
        constant = node.op == "Const" or (not region.id and node.name in self.weights)
        if constant:
            return [0] if self._reach(region, node) > self.limit else []
        if op_def(node.op) is None:
            return []
        sources = [e for e in data(node) if (region.id, e) in self.tensors]
        floats = [k for k, port in enumerate(outputs(node)) if port.type == FLOAT]
        if not sources or not floats:
            return []
        if not self._safe(region, node, sources):
            self.unsafe.add((region.id, node.name))
        contracts = operators.kind(node.op) is Kind.COMPUTE
        return [] if contracts or node.op in BOUNDED else floats

    def _safe(self, region: Region, node: Any, sources: list[str]) -> bool:
        if operators.kind(node.op) is not Kind.POINTWISE:
            return True
        if node.op in BOUNDED | PASSING:
            return True
        if not self.absorbs or (node.op in SUMS and len(sources) > 1):
            return False
        if node.op in PRODUCTS:
            return all(self._is_end(region, source) for source in sources)
        return True

    def _is_end(self, region: Region, reference: str) -> bool:
        """Whether a number is fp32's largest, which nothing finite is a multiple of."""
        name = parsed(reference)[0]
        known = region.by_name[name]
        end = 0.99 * float(np.finfo(np.float32).max)
        return known.op != "Const" or self._reach(region, known) > end

    def _reach(self, region: Region, node: Any) -> float:
        """The largest finite magnitude of a constant."""
        own = not region.id and node.name in self.weights
        if not own and node.attr["dtype"].type != FLOAT:
            return 0.0
        value = np.abs(self.weights[node.name] if own else value_of(node))
        if value.dtype.kind != "f":
            return 0.0
        finite = value[np.isfinite(value)]
        return float(finite.max()) if finite.size else 0.0


def _masks(main: Region) -> Set[str]:
    """Float inputs that are added to scores: nothing says what they may hold."""
    found: set[str] = set()
    for node, _done in main.steps:
        if node.op in ("LogSoftmax", "Softmax"):
            found.update(_mixed(main, data(node)[0]))
    return found


def _mixed(main: Region, tensor: str) -> Iterator[str]:
    waiting, seen = [tensor], set()
    while waiting:
        name = parsed(waiting.pop())[0]
        if name in seen:
            continue
        seen.add(name)
        node = main.by_name[name]
        if name in main.arguments:
            if node.attr["dtype"].type == FLOAT:
                yield name
        elif node.op in MIXING or operators.kind(node.op) is Kind.MOVER:
            waiting.extend(data(node))
