"""What a saved model holds, and that it is the same to everybody."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from narrowcast.runtime.graph.graph import Precision, casts

from .process import elsewhere
from .promise import ALL, promise
from .subject import Subject, files

LARGE = 30
"""Elements of a weight; fewer may be an attribute, or written anew by the framework."""

KINDS = ("low", "mixed")


@promise("save", models=["mlp", *(n for n in ALL if n != "mlp")])
def each_tensor_is_cast_once_in_a_direction(s: Subject, name: str) -> None:
    graph = s.traced(name).graph
    assert s.contents(name, "fp32").casts == ()
    for kind in KINDS if name != "edge" else ("low",):
        found = s.contents(name, kind).casts
        assert len(set(found)) == len(found), found
        needed = casts(graph, s.placement(name, kind))
        assert Counter(dtype for _tensor, dtype in found) == Counter(
            cast.target.dtype for cast in needed
        )


@promise("save", models=[n for n in ALL if n not in ("edge", "three")])
def weights_are_stored_as_the_ops_that_use_them_compute(s: Subject, name: str) -> None:
    """Once in each precision that some op takes it in."""
    graph = s.traced(name).graph
    for kind in KINDS:
        placement = s.placement(name, kind)
        wanted = {
            (slot.tensor, placement[op.id] if slot.castable else Precision.FP32)
            for op in graph.ops
            for slot in op.inputs
            if slot.tensor is not None and _weight(s, name, slot.tensor)
        }
        expected = Counter(
            (graph.tensors[tensor].elements, precision.dtype)
            for tensor, precision in wanted
        )
        found = Counter(
            (int(np.prod(shape)), dtype)
            for shape, dtype in s.contents(name, kind).weights
            if np.prod(shape) > LARGE
        )
        assert found == expected
        if kind == "low":
            assert s.low.dtype in {dtype for _size, dtype in found}


def _weight(s: Subject, name: str, tensor: str) -> bool:
    graph = s.traced(name).graph
    known = graph.tensors[tensor]
    plain = known.constant and known.floating and tensor not in graph.producer
    return plain and known.elements > LARGE


@promise("load_saved", models=ALL)
def what_is_saved_computes_what_was_converted(s: Subject, name: str) -> None:
    for kind in ("low", "fp32"):
        found = s.adapter.load_saved(s.saved(name, kind))(s.batch(name))
        for one, other in zip(found, s.converted(name, kind), strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


@promise("save", models=ALL)
def the_same_placement_gives_the_same_bytes(s: Subject, name: str) -> None:
    """And nothing else is left in the folder, nor of what was there before."""
    first = s.saved(name)
    assert first.name == s.zoo.FILE and first.exists()
    folder = s.empty()
    traced = s.traced(name)
    for kind in ("fp32", "low"):
        model = traced.apply(s.placement(name, kind))
        written = traced.save(model, folder / s.zoo.FILE)
    assert written == folder / s.zoo.FILE
    assert files(written) == files(first)
    if s.placement(name) != s.placement(name, "fp32"):
        assert files(written) != files(s.saved(name, "fp32"))


@promise("save", "load_saved", models=ALL)
def another_process_loads_it_and_gives_the_same(s: Subject, name: str) -> None:
    found = elsewhere(s).outputs(name)
    expected = s.adapter.load_saved(s.saved(name))(s.batch(name))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@promise("save", models=["residual", "branch", "state"])
def another_process_writes_the_same_bytes(s: Subject, name: str) -> None:
    """It traces and probes anew, with other hashes."""
    here = {
        file: hashlib.sha256(data).hexdigest()
        for file, data in files(s.saved(name)).items()
    }
    assert elsewhere(s).written(name) == here
