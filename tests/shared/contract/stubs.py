"""Adapters that break one member each, as a stub would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from narrowcast.runtime.frameworks.protocol import Probe, Timings
from narrowcast.runtime.graph.graph import Graph, Precision
from narrowcast.runtime.hardware.answers import Answer

from .subject import Subject

Lie = Callable[[Any, Any], Any]
"""What is wrapped, and its member → what stands in that member's place."""


def _constant(value: Any) -> Lie:
    return lambda real, member: value


def _returns(value: Any) -> Lie:
    return lambda real, member: lambda *args, **kwargs: value


class Stub:
    """What it wraps, but for some members."""

    def __init__(self, real: Any, **lies: Any) -> None:
        self._real, self._lies = real, lies

    def __getattr__(self, name: str) -> Any:
        return self._lies[name] if name in self._lies else getattr(self._real, name)


class Silent:
    """A model that gives nothing."""

    def __call__(self, inputs: Any) -> tuple[Any, ...]:
        return ()


def _fp32(real: Any, apply: Any) -> Any:
    """The model as it was, whatever is asked for."""
    return lambda placement: apply(dict.fromkeys(placement, Precision.FP32))


def _unordered(real: Any, predictor: Any) -> Any:
    return lambda model, inputs=(): predictor(model)


def _careless(real: Any, trace: Any) -> Any:
    """What was traced first, whatever is asked for."""
    return lambda *args, **kwargs: next(iter(real.known.values()))[0]


def _as_loaded(real: Any, native: Any) -> Any:
    """What was traced first as it was loaded, whatever was made of it."""
    return lambda model: native(next(iter(real.known.values()))[1][0])


def _without(change: Callable[[Graph], Mapping[str, Any]]) -> Lie:
    return lambda real, graph: replace(graph, **change(graph))


def _no_flops(graph: Graph) -> Mapping[str, Any]:
    return {"ops": tuple(replace(op, flops=0) for op in graph.ops)}


def _no_kernels(graph: Graph) -> Mapping[str, Any]:
    return {"ops": tuple(replace(op, kernels=op.kernels[:1]) for op in graph.ops)}


def _no_weights(graph: Graph) -> Mapping[str, Any]:
    tensors = {n: replace(t, constant=False) for n, t in graph.tensors.items()}
    return {"tensors": tensors, "inputs": (*graph.inputs, *_constants(graph))}


def _constants(graph: Graph) -> list[str]:
    return [name for name, tensor in graph.tensors.items() if tensor.constant]


def _no_names(graph: Graph) -> Mapping[str, Any]:
    ops = (replace(op, absorbed=(), absorbed_scopes=()) for op in graph.ops)
    return {"ops": tuple(ops)}


ADAPTER: Mapping[str, Mapping[str, Lie]] = {
    "dependencies": {"none": _constant(()), "not its own": _constant(("numpy",))},
    "executes": {"the contrary": lambda real, executes: not executes},
    "answer": {"nothing": _returns(Answer(False, ""))},
    "devices": {"another": _returns(("GPU",)), "none at all": _returns(None)},
    "signature": {"nothing": _returns(())},
    "predictor": {"nothing": _returns(Silent()), "its own order": _unordered},
    "load_saved": {"nothing": _returns(Silent())},
    "native": {"nothing": _returns(None), "the model as it was": _as_loaded},
    "open_native": {"nothing": _returns(None)},
    "trace": {"the first model": _careless},
}
TRACED: Mapping[str, Mapping[str, Lie]] = {
    "graph": {
        "nothing": _constant(Graph((), {}, (), ())),
        "no FLOPs": _without(_no_flops),
        "no kernels": _without(_no_kernels),
        "no weights": _without(_no_weights),
        "no absorbed names": _without(_no_names),
    },
    "probes": {
        "none": _constant({}),
        "all fine": lambda real, probes: {
            name: Probe(each.output, 0.0) for name, each in probes.items()
        },
    },
    "switches": {"blank": _constant({"": ""})},
    "notes": {"blank": _constant(("",))},
    "statistics": {"none": _returns({})},
    "error": {"zero": _returns(0.0)},
    "sketch": {
        "nothing low": lambda real, sketch: (
            lambda precision, ops, **kwargs: dict.fromkeys(ops, 0.0)
        )
    },
    "time": {"nothing": _returns(Timings({}, {}))},
    "time_whole": {"nothing": _returns({})},
    "apply": {"the model as it was": _fp32},
    "save": {"no file": lambda real, save: lambda model, path: path},
}
FORMABLE: Mapping[str, Mapping[str, Lie]] = {
    "forms": {"none": _constant({})},
    "forms_in_use": {"none": _returns({})},
    "with_forms": {"itself": lambda real, member: lambda forms: real},
    "with_fastest_forms": {"itself": lambda real, member: lambda *args: real},
}


def stubbed(like: Subject, member: str = "", lie: str = "") -> Subject:
    """An adapter that is another's but for one member, or none."""
    real = like.adapter
    like.traced("mlp")
    if member in ADAPTER:
        false = ADAPTER[member][lie](real, getattr(real, member))
        return Subject(like.name, like, Stub(real, **{member: false}))
    make = {**TRACED, **FORMABLE}[member][lie] if member else None

    def trace(*args: Any, **kwargs: Any) -> Any:
        return wrapped(real.trace(*args, **kwargs))

    def wrapped(traced: Any) -> Any:
        lies = {} if make is None else {member: make(traced, getattr(traced, member))}
        # What is made of it lies as well.
        for other in {"with_forms", "with_fastest_forms"} - {member}:
            if hasattr(traced, other):
                lies[other] = lambda *args, o=other: wrapped(getattr(traced, o)(*args))
        return Stub(traced, **lies)

    return Subject(like.name, like, Stub(real, trace=trace))
