"""A graph and placements beside what was found of int8."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ...common.errors import PlanError
from ...graph.graph import Graph, Kernel, Op, Placement, Precision
from ..protocol import Inputs
from .quantization import Scale, Scales

INT8 = Precision.INT8


def with_int8(graph: Graph, left: Mapping[str, Precision]) -> Graph:
    """The graph whose ops have int8's kernel where it ran, and no others.

    Args:
        left: Op id → the precision in which its kernel leaves its floats.
    """

    def known(op: Op) -> Op:
        own = tuple(each for each in op.kernels if each.input is not INT8)
        if op.id in left:
            return replace(op, kernels=(*own, Kernel(INT8, left[op.id])))
        return replace(op, kernels=own)

    return replace(graph, ops=tuple(map(known, graph.ops)))


def check_scaled(
    placement: Placement, ops: Collection[str], refusals: Mapping[str, str]
) -> None:
    """See that there are scales for all ops that a placement has in int8.

    Raises:
        PlanError: There are none for one.
    """
    for op, precision in placement.items():
        if precision is INT8 and op not in ops:
            why = refusals.get(op, "nothing was calibrated")
            raise PlanError(
                f"op {op} is to be int8, for which there are no scales: {why}",
                "Search anew, without the plan.",
            )


def recorded(scales: Scales, tensors: Iterable[str]) -> dict[str, Scale]:
    """Those of the tensors that ops take as integers.

    Raises:
        PlanError: A tensor has none.
    """
    found = {}
    for name in tensors:
        if name not in scales:
            raise PlanError(
                f"the plan has no int8 scale of tensor {name}",
                "Search anew: it is of another model, or of another version.",
            )
        found[name] = scales[name]
    return found


def first(batches: Iterable[Inputs], samples: int) -> Iterator[Inputs]:
    """Batches until there are enough samples."""
    for batch in batches:
        if samples <= 0:
            return
        yield batch
        samples -= max((len(each) for each in batch if len(each.shape)), default=1)
