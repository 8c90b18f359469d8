"""What the result is timed with: prepared fp32, and what a list of op types would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.delivery import candidate
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.placement.rules import distrusted, rule_based
from narrowcast.runtime.report import comparison
from narrowcast.runtime.report.comparison import (
    Contenders,
    contenders,
    known_score,
    measured,
)
from narrowcast.runtime.search import Found, Trial
from narrowcast.runtime.search.found import Plan

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))
WIDE = (Kernel(FP32, FP32),)


def graph_of(*rows: tuple[str, str, str], **fields: Any) -> Graph:
    """Ops as (id, type, tensors that it takes); each makes the tensor of its name."""
    compute = {"linear", "matmul"}
    ops = tuple(
        Op(
            name,
            type_,
            Kind.COMPUTE if type_ in compute else Kind.POINTWISE,
            tuple(map(Slot, takes.split())),
            (name,),
            flops=10 if type_ in compute else 0,
            kernels=WIDE if type_ == "odd" else BOTH,
        )
        for name, type_, takes in rows
    )
    tensors = {
        name: Tensor(name, "float32", (4,)) for name in ("x", *(r[0] for r in rows))
    }
    tensors["w"] = Tensor("w", "float32", (4, 4), constant=True)
    return Graph(ops, tensors, ("x",), (rows[-1][0],), **fields)


NET = graph_of(
    ("before", "relu", "x"),
    ("fc", "linear", "before w"),
    ("act", "gelu", "fc"),
    ("biased", "add", "act w"),
    ("norm", "layer_norm", "biased w"),
    ("sum", "add", "norm fc"),
    ("head", "linear", "sum w"),
    ("soft", "softmax", "head"),
)


def low(graph: Graph, pins: frozenset[str] = frozenset()) -> set[str]:
    return {name for name, p in rule_based(graph, BF16, pins).items() if p is BF16}


# Rules


def test_contractions_are_low_and_the_rest_follows_its_inputs() -> None:
    assert low(NET) == {"fc", "act", "biased", "head"}


def test_pins_and_missing_kernels_are_respected() -> None:
    assert low(NET, frozenset({"fc"})) == {"head"}
    odd = graph_of(("fc", "linear", "x"), ("hm", "odd", "fc"), ("act", "gelu", "hm"))
    assert low(odd) == {"fc"}


def test_a_group_is_fp32_with_any_of_it() -> None:
    assert low(replace(NET, equal=(frozenset({"act", "norm"}),))) == {"fc", "head"}


@pytest.mark.parametrize(
    "type_",
    [
        "softmax",
        "log_softmax",
        "Softmax",
        "LogSoftmax",
        "layer_norm",
        "LayerNorm",
        "LayerNormalization",
        "group_norm",
        "FusedBatchNormV3",
        "sum",
        "mean",
        "prod",
        "cumsum",
        "Sum",
        "Mean",
        "Cumsum",
        "ReduceMean",
        "ReduceSum",
        "ReduceLogSumExp",
        "CumSum",
        "exp",
        "Exp",
        "log",
        "Log",
        "pow",
        "Pow",
        "broadcast_power",
        "rsqrt",
        "Rsqrt",
        "reciprocal",
        "Reciprocal",
        "mse_loss",
        "SoftmaxCrossEntropyLoss",
        "cdist",
        "SoftmaxOutput",
        "_npx_layer_norm",
        "InstanceNormalization",
        "L2Normalization",
        "linalg_vector_norm",
    ],
)
def test_what_lists_distrust_in_all_frameworks(type_: str) -> None:
    assert distrusted(type_)


@pytest.mark.parametrize(
    "type_", ["relu", "Add", "GELU", "Sigmoid", "tanh", "Concat", "expand", "Expand"]
)
def test_what_lists_let_follow(type_: str) -> None:
    assert not distrusted(type_)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_list_places_only_what_kernels_groups_and_pins_allow(
    cases: Any, data: Any
) -> None:
    case = data.draw(cases.whole())
    pins = {op.id for op in case.graph.ops if case.pins & {*op.names}}
    placement = rule_based(case.graph, BF16, pins)
    assert set(placement) == set(case.graph.by_id)
    for op in case.graph.ops:
        if placement[op.id] is BF16:
            assert op.kernel(BF16) is not None and op.kind is not Kind.FIXED
            assert op.id not in pins
    for group in case.graph.equal:
        assert len({placement[name] for name in group}) == 1


# Contenders


def plan_of(*ops: str, **reasons: Reason) -> Plan:
    placement = {op.id: BF16 if op.id in ops else FP32 for op in NET.ops}
    return Plan(BF16, placement, reasons, "low_compute", 1)


EVERYTHING = plan_of(*NET.by_id)


def test_prepared_fp32_and_the_rules_are_made_besides_the_result() -> None:
    found = contenders(NET, EVERYTHING, replayed=False)
    assert set(found.made) == {"prepared", "rules"}
    assert set(found.made["prepared"].values()) == {FP32}
    assert (found.same, found.aside) == ({}, "")


def test_where_nothing_is_low_the_result_is_prepared_fp32() -> None:
    found = contenders(NET, plan_of(), replayed=False)
    assert set(found.made) == {"rules"}
    assert found.same == {"prepared": "result"}


def test_rules_that_agree_with_the_result_are_not_made() -> None:
    found = contenders(NET, plan_of("fc", "act", "biased", "head"), replayed=False)
    assert (set(found.made), found.same) == ({"prepared"}, {"rules": "result"})


def test_the_users_pins_hold_for_rules_too() -> None:
    pins = {name: Reason(Why.USER, "op_wise") for name in ("fc", "head")}
    found = contenders(NET, plan_of("act", **pins), replayed=False)
    assert found.same == {"rules": "prepared"}


def test_rules_are_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    found = contenders(NET, EVERYTHING, replayed=True)
    assert (set(found.made), found.aside) == ({"prepared"}, "the plan was replayed")
    monkeypatch.setattr(comparison, "MOST_BYTES", 63)
    found = contenders(NET, EVERYTHING, replayed=False)
    assert (set(found.made), found.aside) == ({"prepared"}, "the model is large")


# Measured


class Saving:
    """Saves placements as text; some can't be applied."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def apply(self, placement: Mapping[str, Precision]) -> str:
        low = [name for name, p in placement.items() if p is BF16]
        if self.fails and low:
            raise RuntimeError("no primitive\nat 0x1")
        return " ".join(low)

    def save(self, model: str, path: Path) -> Path:
        path.write_text(model)
        return path


def run(folder: Path, traced: Any, others: Contenders, dies: bool = False) -> Any:
    saved = candidate(folder, "net.pt2")
    saved.write_text("the result")

    def time(files: Mapping[str, Path]) -> dict[str, Latency]:
        assert files["result"].read_text() == "the result"
        if dies and "rules" in files:
            raise RuntimeError("killed by signal 6")
        sizes = {name: float(len(p.read_text())) for name, p in files.items()}
        return {"fp32": Latency(9, 9, 9, 7)} | {
            name: Latency(size, size, size, 7) for name, size in sizes.items()
        }

    found = measured(traced, saved, others, lambda n: candidate(folder, n), time)
    assert [each.name for each in folder.iterdir()] == ["candidate-net.pt2"]
    return found


def test_all_are_saved_timed_and_removed(tmp_path: Path) -> None:
    others = contenders(NET, EVERYTHING, replayed=False)
    latency, aside = run(tmp_path, Saving(), others)
    assert (set(latency), aside) == ({"fp32", "prepared", "rules", "result"}, "")
    assert latency["prepared"].median == 0
    assert latency["rules"].median == len("fc act biased head")


def test_what_is_the_same_is_timed_once(tmp_path: Path) -> None:
    latency, _ = run(tmp_path, Saving(), contenders(NET, plan_of(), replayed=True))
    assert latency["prepared"] is latency["result"]
    assert "rules" not in latency


@pytest.mark.parametrize(
    ("traced", "dies", "said"),
    [
        (Saving(fails=True), False, "it fails: RuntimeError: no primitive"),
        (Saving(), True, "it fails: RuntimeError: killed by signal 6"),
    ],
)
def test_a_list_that_fails_takes_nothing_with_it(
    tmp_path: Path, traced: Any, dies: bool, said: str
) -> None:
    others = contenders(NET, EVERYTHING, replayed=False)
    latency, aside = run(tmp_path, traced, others, dies)
    assert aside == said
    assert set(latency) == {"fp32", "prepared", "result"}


def test_the_accuracy_of_rules_is_a_trials_or_the_evaluators() -> None:
    others = contenders(NET, EVERYTHING, replayed=False)
    score, other = (Evaluation("top-1", value, 9, True) for value in (0.5, 0.7))
    tried = Trial(1, {}, others.rules, score, holds=False)
    part = replace(tried, evaluation=replace(score, full=False))
    assert known_score(others, Found((), (tried,)), None) == score
    assert known_score(others, Found((), (part,)), None) is None
    assert known_score(others, Found((), (part,)), lambda p, watch: other) == other
    assert known_score(others, Found(()), lambda p, watch: {}[p]) is None
