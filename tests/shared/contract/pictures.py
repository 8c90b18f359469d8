"""The Graph, and what was found out while it was drawn."""

from __future__ import annotations

import math

from placements import low_share
from zoo import MODELS

from narrowcast.runtime.graph.graph import Kernel, Kind, Precision

from .promise import ALL, promise
from .subject import Subject

FP32 = Precision.FP32
MOST = {Precision.BF16: 2**-6, Precision.FP16: 2**-9}
"""Error of one op that rounds its inputs and outputs, relative."""


@promise("graph", models=ALL)
def ids_are_unique_and_ops_in_order(s: Subject, name: str) -> None:
    """What an op reads is an input, a constant, or was made before."""
    graph = s.traced(name).graph
    assert graph.ops
    assert len({op.id for op in graph.ops}) == len(graph.ops)
    assert all(op.id.strip() and op.type.strip() for op in graph.ops)
    known = {*graph.inputs, *(n for n, t in graph.tensors.items() if t.constant)}
    for op in graph.ops:
        for slot in op.inputs:
            assert slot.tensor is None or slot.tensor in known, (op.id, slot)
        for tensor in op.outputs:
            assert tensor not in known or graph.tensors[tensor].constant, op.id
        known |= set(op.outputs)
    assert set(graph.outputs) <= known
    for group in graph.equal:
        assert len(group) > 1 and group <= graph.by_id.keys()


@promise("graph", models=ALL)
def tensors_are_those_that_slots_name(s: Subject, name: str) -> None:
    graph = s.traced(name).graph
    assert all(key == tensor.name for key, tensor in graph.tensors.items())
    read = {slot.tensor for op in graph.ops for slot in op.inputs} - {None}
    made = {tensor for op in graph.ops for tensor in op.outputs}
    assert len(made) == sum(len(op.outputs) for op in graph.ops)
    named = read | made | {*graph.inputs, *graph.outputs}
    assert named == graph.tensors.keys()


@promise("graph", models=ALL)
def inputs_and_outputs_are_the_models(s: Subject, name: str) -> None:
    graph, model = s.traced(name).graph, MODELS[name]
    for tensor, array in zip(graph.inputs, model.batch, strict=name != "state"):
        found = graph.tensors[tensor]
        assert (found.dtype, found.shape) == (array.dtype.name, array.shape)
        assert not found.constant
    assert len(graph.outputs) == len(model.outputs)
    for tensor, array in zip(graph.outputs, s.reference(name), strict=True):
        found = graph.tensors[tensor]
        assert (found.dtype, found.shape) == (array.dtype.name, array.shape)


@promise("graph", models=[n for n in ALL if MODELS[n].weights])
def weights_are_constants_in_castable_slots(s: Subject, name: str) -> None:
    """Each matrix is one: once in the picture, however many ops read it."""
    graph, model = s.traced(name).graph, MODELS[name]
    wanted = sorted(
        w.size for key, w in model.weights.items() if w.ndim > 1 and _seen(s, name, key)
    )
    read = {n for op in graph.ops for n in graph.castable(op)} - graph.producer.keys()
    found = sorted(
        graph.tensors[n].elements
        for n in read
        if graph.tensors[n].constant and graph.tensors[n].elements in wanted
    )
    assert found == wanted


def _seen(s: Subject, name: str, weight: str) -> bool:
    return s.side.regions or weight.partition(".")[0] not in BODIES.get(name, ())


BODIES = {"branch": ("then", "else"), "loop": ("turn",)}
"""Steps that are in a body."""


@promise("graph", models=[n for n in ALL if MODELS[n].products])
def contractions_have_the_flops_of_their_shapes(s: Subject, name: str) -> None:
    """Those in bodies as often as they run: the same number in all frameworks."""
    graph = s.traced(name).graph
    compute = [op for op in graph.ops if op.kind is Kind.COMPUTE]
    assert all(op.flops > 0 for op in compute)
    counted = sum(op.flops for op in compute)
    if s.side.regions or name not in BODIES:
        assert counted == MODELS[name].products
    else:
        assert 0 < counted < MODELS[name].products
    assert all(op.flops >= 0 for op in graph.ops)


@promise("graph", models=[n for n in ALL if MODELS[n].products])
def all_contractions_have_low_kernels(s: Subject, name: str) -> None:
    """So that an adapter which converts nothing keeps no promise by it."""
    graph = s.traced(name).graph
    for op in graph.ops:
        assert op.kernels[0] == Kernel(FP32, FP32)
        if op.kind is Kind.COMPUTE:
            assert op.kernel(s.low), op.id
    if name != "three":
        assert low_share(graph, s.placement(name)) == 1.0


@promise("graph", models=["branch", "loop"], traits=["regions"])
def bodies_are_regions(s: Subject, name: str) -> None:
    graph = s.traced(name).graph
    inside = [op for op in graph.ops if op.region and op.kind is Kind.COMPUTE]
    assert len(inside) == len(BODIES[name])
    assert all(op.id.startswith(f"{op.region}/") for op in inside)
    assert {op.region for op in inside} <= graph.by_id.keys()


@promise("probes", models=ALL)
def what_ran_low_has_a_kernel_and_what_did_not_says_why(s: Subject, name: str) -> None:
    traced = s.traced(name)
    graph, probes = traced.graph, traced.probes
    castable = {op.id for op in graph.ops if graph.castable(op)}
    assert castable & {op.id for op in graph.ops if op.kind is not Kind.FIXED} <= (
        probes.keys()
    )
    assert probes.keys() <= castable
    for key, probe in probes.items():
        kernel = graph.by_id[key].kernel(s.low)
        assert (kernel.output if kernel else None) == probe.output
        assert probe.output in (None, s.low, FP32)
        assert probe.error >= 0
        if probe.output is None:
            assert probe.message.strip()
    if name not in ("three", "edge"):
        assert all(
            probe.error < MOST[s.low] for probe in probes.values() if probe.output
        )
        assert any(probe.error > 0 for probe in probes.values())
    others = graph.by_id.keys() - probes.keys()
    assert not any(graph.by_id[key].kernel(s.low) for key in others)


@promise("probes", models=["edge"])
def a_kernel_that_gives_infinity_is_data(s: Subject, name: str) -> None:
    """Every value but 0 is infinite in 16 bits, or made of one that is."""
    probes = s.traced(name).probes.values()
    assert probes
    assert all(math.isinf(probe.error) for probe in probes)


@promise("switches")
def it_states_what_holds_fp32_to_fp32(s: Subject, name: str) -> None:
    switches = s.traced(name).switches
    assert all(key.strip() for key in switches)
    assert all(isinstance(value, str) for value in switches.values())
    assert bool(switches) is s.side.switched


@promise("notes", models=ALL)
def notes_are_sentences(s: Subject, name: str) -> None:
    notes = s.traced(name).notes
    assert isinstance(notes, tuple)
    assert all(isinstance(note, str) and note.strip() for note in notes)
    assert any(s.side.notes in note for note in notes) or not s.side.notes


@promise("graph", models=["waves"])
def what_reads_times_that_may_be_later_is_fp32(s: Subject, name: str) -> None:
    """The batch has times up to 7; the sine and what makes its angle stay exact."""
    graph, placement = s.traced(name).graph, s.placement(name)
    (sine,) = (op for op in graph.ops if op.type.lower() == "sin")
    maker = graph.source(graph.castable(sine)[0])
    assert maker is not None
    assert {placement[sine.id], placement[maker.id]} == {Precision.FP32}
    assert low_share(graph, placement) == 1
