"""A result of little is said, with what keeps the FLOPs in fp32."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy import Toy

from narrowcast.runtime.graph.graph import Graph, Kind, Op, Precision, Slot, Tensor
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.report.heavy import left_heavy
from narrowcast.runtime.search.found import Plan

FP32, BF16 = Precision.FP32, Precision.BF16


def said(flops: dict[str, int], fp32: dict[str, Why]) -> str:
    ops = tuple(
        Op(name, "LSTM", Kind.COMPUTE, (Slot("x"),), (name,), flops=each)
        for name, each in flops.items()
    )
    tensors = {name: Tensor(name, "float32", (1,)) for name in ("x", *flops)}
    graph = Graph(ops, tensors, ("x",), tuple(flops))
    placement = {name: FP32 if name in fp32 else BF16 for name in flops}
    reasons = {name: Reason(why, f"it is {why}") for name, why in fp32.items()}
    return left_heavy(graph, Plan(BF16, placement, reasons, "low_compute", 3))


def test_a_heavy_op_is_named_with_its_reason_and_what_helps() -> None:
    text = said({"lstm": 80, "dense": 15, "other": 5}, {"lstm": Why.NO_KERNEL})
    assert text == (
        "only 20.0% of FLOPs are in bf16: lstm (LSTM, 80.0% of FLOPs) stays fp32, no "
        "kernel: it is no kernel: the other precision, another runtime or a newer "
        "version may have one"
    )


@pytest.mark.parametrize(
    ("why", "helps"),
    [
        (Why.USER, "lift that pin"),
        (Why.ACCURACY, "a criterion that allows more"),
        (Why.RANGE, "bf16 has the range of fp32"),
    ],
)
def test_each_reason_has_its_remedy(why: Why, helps: str) -> None:
    assert helps in said({"a": 90, "b": 10}, {"a": why})


def test_what_keeps_the_most_is_told() -> None:
    ops = {"a": 40, "b": 30, "c": 25, "d": 5}
    text = said(ops, {"a": Why.USER, "b": Why.RANGE, "c": Why.RANGE})
    assert "b (LSTM, 30.0% of FLOPs) and 1 more heavy op stay fp32, range" in text


@pytest.mark.parametrize(
    ("flops", "fp32"),
    [
        ({"a": 50, "b": 50}, {"a": Why.ACCURACY}),  # half is low
        ({"a": 90, "b": 10}, {"a": Why.LATENCY}),  # the objective's own choice
        ({"a": 90, "b": 10}, {"a": Why.CAST}),
        ({"a": 90, "b": 10}, {"a": Why.MEMORY}),
        ({f"op{k}": 1 for k in range(99)}, {f"op{k}": Why.RANGE for k in range(90)}),
        ({"a": 0}, {"a": Why.USER}),
    ],
)
def test_else_there_is_nothing_to_say(
    flops: dict[str, int], fp32: dict[str, Why]
) -> None:
    assert said(flops, fp32) == ""


@pytest.mark.nightly
def test_it_is_a_warning_of_summary_and_report(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    told = "warning    only 12.5% of FLOPs are in bf16: "
    assert told in toy.run().out
    (warning,) = json.loads(toy.run("--json").out)["warnings"]
    assert warning.startswith("only 12.5% of FLOPs")
    assert "accuracy" in warning
