"""Which forms are faster than the ops they replace: each distinct one timed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ....common.timing import Clock, Latency, interleaved
from ....graph.graph import Precision
from ...loops import Route
from ...protocol import Inputs
from ..ir.prepared import constant, is_constant
from ..measuring.probes import relative_error
from ..running.low import DTYPES, described, values_with_low
from ..writing.rewrite import rewrite
from .form import Form, substituted

LEAST_GAIN = 0.03
"""Share of the ops' time below which a form gains nothing worth another kernel."""

MOST_ERROR = 2.0
"""Times the error of the ops that a form may have; most have less."""


@dataclass(frozen=True)
class Timed:
    """A form beside the ops that it replaces, both low.

    Attributes:
        plain: Latency of the ops.
        form: Latency of the form.
    """

    plain: Latency
    form: Latency

    @property
    def gain(self) -> float:
        """Seconds per call that the form saves."""
        return self.plain.median - self.form.median


def fastest_forms(timed: Mapping[Form, Timed]) -> tuple[Form, ...]:
    """The forms that gain most, the longest first; no two replace the same op."""
    worth = [
        (each.gain, form.nodes, form)
        for form, each in timed.items()
        if each.gain > LEAST_GAIN * each.plain.median
    ]
    chosen: list[Form] = []
    taken: set[str] = set()
    for _gain, names, form in sorted(worth, key=lambda w: (-w[0], -len(w[1]), w[1])):
        if taken.isdisjoint(names):
            chosen.append(form)
            taken.update(names)
    return tuple(sorted(chosen, key=lambda form: form.nodes))


def time_forms(
    module: fx.GraphModule,
    inputs: Inputs,
    precision: Precision,
    forms: Sequence[Form],
    clock: Clock,
    seconds: float,
) -> dict[Form, Timed]:
    """Time forms and the ops that they replace on real inputs, in turn.

    Forms that fail, or round more than the ops do, are left out.

    Args:
        seconds: What the timing of one distinct form may take.
    """
    by_name = {node.name: node for node in module.graph.nodes}
    fragments = {form: _fragment(module, form, by_name) for form in forms}
    wanted = {node: None for each in fragments.values() for node in each.inputs}
    with torch.inference_mode():
        values = values_with_low(module, inputs, precision, (), wanted, Route())
    kept = dict(zip(wanted, values, strict=True))
    known: dict[Hashable, Timed | None] = {}
    found: dict[Form, Timed] = {}
    for form, fragment in fragments.items():
        values = [kept[node] for node in fragment.inputs]
        signature = (form.name, *fragment.signature, *map(described, values))
        if signature not in known:
            known[signature] = _timed(form, fragment, values, precision, clock, seconds)
        timed = known[signature]
        if timed is not None:
            found[form] = timed
    return found


@dataclass(frozen=True)
class _Fragment:
    """The ops that a form replaces, as a graph of their own."""

    module: fx.GraphModule
    inputs: tuple[fx.Node, ...]
    signature: tuple[str, ...]


def _fragment(
    module: fx.GraphModule, form: Form, by_name: Mapping[str, fx.Node]
) -> _Fragment:
    replaced = [by_name[name] for name in form.nodes]
    reads = dict.fromkeys(n for node in replaced for n in node.all_input_nodes)
    taken = [node for node in reads if node not in replaced]
    constants = [node for node in taken if is_constant(node)]
    inputs = tuple(node for node in taken if not is_constant(node))
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in inputs:
        copies[node] = graph.placeholder(node.name)
        copies[node].meta = dict(node.meta)
    for node in (*constants, *replaced):
        copies[node] = graph.node_copy(node, copies.__getitem__)
        copies[node].name = node.name
    graph.output((copies[replaced[-1]],))
    signature = (
        *map(_attributes, replaced),
        *(described(constant(module, node)) for node in constants),
    )
    return _Fragment(fx.GraphModule(module, graph), inputs, signature)


def _timed(
    form: Form,
    fragment: _Fragment,
    values: Sequence[Any],
    precision: Precision,
    clock: Clock,
    seconds: float,
) -> Timed | None:
    low = [_lowered(value, DTYPES[precision]) for value in values]
    plain = _low(fragment.module, (), precision)
    with torch.inference_mode():
        try:
            other = _low(fragment.module, (form,), precision)
            result = other(*low)
        except Exception:  # whatever a kernel raises means "no such form"
            return None
        (reference,) = fragment.module(*values)
        error = relative_error(reference, result)
        if not error <= MOST_ERROR * relative_error(reference, plain(*low)):
            return None
        calls = {"plain": lambda: plain(*low), "form": lambda: other(*low)}
        both = interleaved(calls, clock, seconds)
    return Timed(both["plain"], both["form"])


def by_op(
    timed: Mapping[Form, Timed], ids: Mapping[str, str], precision: Precision
) -> dict[tuple[str, Precision], Latency]:
    """Latencies by op: what computes takes all of a form's, what it does besides none.

    Args:
        ids: Node → op id.
    """
    found = {}
    for form, each in timed.items():
        for name in form.nodes[1:]:
            found[ids[name], precision] = each.form.changed(lambda _seconds: 0.0)
        found[ids[form.anchor], precision] = each.form
    return found


def _low(
    module: fx.GraphModule, forms: tuple[Form, ...], precision: Precision
) -> Callable[..., torch.Tensor]:
    """All of a fragment low, taking and returning low tensors."""
    formed, _names = substituted(module, forms)
    names = [node.name for node in formed.graph.nodes]
    low = rewrite(
        formed, dict.fromkeys(names, precision), dict.fromkeys(names, precision)
    )
    output = low.graph.output_node()
    (cast,) = output.all_input_nodes
    output.args = (cast.args[0],)
    low.graph.eliminate_dead_code()
    low.recompile()
    return low


def _lowered(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.to(dtype)
    return value


def _attributes(node: fx.Node) -> str:
    """Operator and arguments, tensors by where they stand."""
    args = fx.map_arg((node.args, node.kwargs), lambda n: "tensor")
    return f"{node.target}{args}"
