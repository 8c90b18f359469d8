"""Which ops a runtime computes in int8: each was run, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....graph.graph import Kind, Op, Precision
from ...comparing import compared
from ...protocol import Probe
from ..ir.quantized.forms import Forms
from ..measuring.probes import groups, shaped
from ..running.low import Single, Singles, together
from ..running.session import Executor, shortened
from ..writing.int8.quantized import Quantized
from .alone import between_integers
from .narrow import widened
from .sums import sums

FP32, INT8 = Precision.FP32, Precision.INT8


def probed(
    singles: Singles, executor: Executor, forms: Forms, int8: Quantized
) -> Quantized:
    """The same with what became of each op; those that fail are refused."""
    tried, probes = [], {}
    for name in int8.ops:
        op = singles.graph.by_id[name]
        if singles.ran(op):
            tried.append(op)
        else:
            probes[name] = _none("it takes or makes what is no tensor")
    for group in groups(singles, tried):
        probes |= _probe(singles, executor, forms, group, int8)
    narrow = [
        op for op in tried if not probes[op.id].output and _is_narrow(int8, op.id)
    ]
    if narrow:  # a machine may have the kernel that leaves fp32 alone
        wide = {op.id: widened(int8.ops[op.id]) for op in narrow}
        int8 = replace(int8, ops={**int8.ops, **wide})
        probes |= _probe(singles, executor, forms, narrow, int8)
    failed = {name: each.message for name, each in probes.items() if not each.output}
    ran = {name: op for name, op in int8.ops.items() if name not in failed}
    added = sums(singles.graph, ran)
    return replace(
        int8,
        ops={
            name: op
            for name, op in ran.items()
            if name in added or singles.graph.by_id[name].kind is Kind.COMPUTE
        },
        probes=probes,
        refusals={**int8.refusals, **failed},
    )


def _is_narrow(int8: Quantized, name: str) -> bool:
    return int8.ops[name].made is not FP32


def _none(why: str) -> Probe:
    return Probe(None, math.inf, why)


def _probe(
    singles: Singles,
    executor: Executor,
    forms: Forms,
    ops: Sequence[Op],
    int8: Quantized,
) -> Mapping[str, Probe]:
    """Run ops side by side; where one fails, in two halves."""
    try:
        alone = [between_integers(singles, op, int8) for op in ops]
        shown = [_shown(each) for each in alone]
        single = together(alone)
        outputs = executor.compile_part(single.model)(single.inputs)
        computed = forms.computed(single.model)
    except Exception as error:  # whatever a kernel raises means "no kernel"
        if len(ops) == 1:
            return {ops[0].id: _none(shortened(error))}
        middle = len(ops) // 2
        halves = (ops[:middle], ops[middle:])
        first, second = (
            _probe(singles, executor, forms, half, int8) for half in halves
        )
        return {**first, **second}
    found, made = {}, iter(outputs)
    for k, op in enumerate(ops):
        reference = singles.made(op)
        assert reference is not None
        low = shaped(reference, [next(made) for _ in reference])
        if shown[k]:
            next(made)
        summed = op.kind is not Kind.COMPUTE  # part of another op's kernel
        if summed or any(name.startswith(f"{k}.") for name in computed):
            probe = compared(reference, low, [FP32] * len(low), INT8)
            found[op.id] = replace(probe, output=int8.ops[op.id].made)
        else:
            found[op.id] = _none(f"{executor.title} computes it in fp32 all the same")
    return found


def _shown(single: Single) -> bool:
    """Let a convolution of every other point give what it takes too.

    As in a residual network, where others read that: OpenVINO would take the points
    before they are dequantized, and the convolution in fp32.
    """
    graph = single.model.graph
    convs = [node for node in graph if node.op_type == "Conv"]
    strides = [node.attributes.get_ints("strides", ()) or () for node in convs]
    if not any(step > 1 for each in strides for step in each):
        return False
    taken = convs[0].inputs[0]
    assert taken is not None
    graph.outputs.append(taken)
    return True
