"""What a run says at its end: to people, as JSON, and as an exit code."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.strict_json import json_text, strict
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.judgement import Judgement
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
from narrowcast.runtime.report.json_data import as_json
from narrowcast.runtime.report.report import Report
from narrowcast.runtime.report.summary import summary
from narrowcast.runtime.run.converted import Converted
from narrowcast.runtime.run.finish import gathered
from narrowcast.runtime.search import Found
from narrowcast.runtime.search.found import Plan

FP32, BF16 = Precision.FP32, Precision.BF16
BASELINE = Evaluation("top-1", 0.9, 500, True)


def judged(value: float, finite: bool = True, **criterion: Any) -> Judgement:
    demanded = Criterion(**(criterion or {"absolute": 0.01}))
    return Judgement(demanded, BASELINE, Evaluation("top-1", value, 500, finite))


REPORT = Report(
    name="net",
    low=BF16,
    objective="low_compute",
    flops=1000,
    flops_low=975,
    ops=40,
    ops_low=38,
    casts=3,
    fp32_bytes=4_000_000,
    saved_bytes=2_100_000,
    judgement=judged(0.8951),
    drift=None,
    latency={
        "fp32": Latency(0.004, 0.0039, 0.0041, 50),
        "result": Latency(0.002, 0.0019, 0.0021, 50),
    },
    trials=4,
    replayed=False,
    interrupted=False,
    kernels="",
    is_target=True,
    fp32={"sine": "accuracy: alone, it is wrong", "head": "user: op_name_dict.head"},
    script=Path("convert_net.py"),
    model=Path("net.pt2"),
    plan=Path("net.plan.json"),
    warnings=(),
)


def timed(fp32: float, result: float, noise: float = 0.0) -> dict[str, Latency]:
    return {
        name: Latency(seconds, seconds - noise, seconds + noise, 50)
        for name, seconds in (("fp32", fp32), ("result", result))
    }


def line(report: Report, label: str) -> str:
    """The one row of the summary with this label."""
    (found,) = lines(report, label)
    return found


def lines(report: Report, label: str) -> list[str]:
    rows = [row.split(maxsplit=1) for row in summary(report).splitlines()[1:]]
    return [text for key, text in rows if key == label]


# The summary


def test_the_summary_of_a_run_that_went_well() -> None:
    assert summary(REPORT).splitlines()[0] == "net: fp32 -> bf16 + fp32"
    compute = line(REPORT, "compute")
    assert compute == "97.5% of FLOPs and 38 of 40 ops in bf16, 3 casts"
    said = "top-1 0.9000 -> 0.8951  (at least 0.8900: criterion holds)"
    assert line(REPORT, "accuracy") == said
    size = line(REPORT, "size")
    assert size == "4.00 MB of fp32 weights -> 2.10 MB file (52%)"
    assert line(REPORT, "latency") == "4.00 ms -> 2.00 ms per batch  (2.00x as fast)"
    assert line(REPORT, "search") == "4 trials, low_compute"
    assert line(REPORT, "plan") == "net.plan.json"
    assert line(REPORT, "model") == "net.pt2"
    assert "script" in summary(REPORT)
    assert lines(REPORT, "warning") == []


@pytest.mark.parametrize(
    ("judgement", "said"),
    [
        (judged(0.5), "0.9000 -> 0.5000  (at least 0.8900: CRITERION NOT MET)"),
        (judged(0.9, finite=False), "CRITERION NOT MET, outputs are not finite"),
        (judged(math.nan), "0.9000 -> nan  (at least 0.8900: CRITERION NOT MET)"),
        (
            judged(0.95, absolute=0.1, higher_is_better=False),
            "0.9000 -> 0.9500  (at most 1.0000: criterion holds)",
        ),
        (judged(0.9, relative=0.1), "(at least 0.8100: criterion holds)"),
    ],
)
def test_accuracy_is_held_against_its_bound(judgement: Judgement, said: str) -> None:
    assert said in line(replace(REPORT, judgement=judgement), "accuracy")


@pytest.mark.parametrize(
    ("drift", "said"), [(0.0123, ", output error 1.2e-02"), (None, "")]
)
def test_without_evaluation_nothing_is_said_to_hold(
    drift: float | None, said: str
) -> None:
    report = replace(REPORT, judgement=None, drift=drift)
    text = f"criterion not checked: nothing was judged{said}"
    assert line(report, "accuracy") == text
    assert "holds" not in summary(report)


@pytest.mark.parametrize(
    ("latency", "said"),
    [
        (timed(0.002, 0.004), "(SLOWER than fp32: 0.50x as fast)"),
        (timed(0.002, 0.0021, noise=0.0003), "(0.95x, within noise)"),
        (timed(0.002, 0.0019, noise=0.0003), "(1.05x, within noise)"),
        (
            timed(0.002, 0.0019, noise=0.001),
            "(too noisy to tell: quartiles 1.00 to 3.00 ms, then 0.90 to 2.90 ms)",
        ),
        (timed(0.006, 0.002), "(3.00x as fast)"),
    ],
)
def test_latency_says_whether_it_is_slower(
    latency: dict[str, Latency], said: str
) -> None:
    assert line(replace(REPORT, latency=latency), "latency").endswith(said)


def test_no_time_at_all_divides_nothing_by_zero() -> None:
    report = replace(REPORT, latency=timed(0, 0))
    assert "within noise" in line(report, "latency")
    assert as_json(report)["speedup"] == 1


def test_json_says_what_is_too_noisy() -> None:
    found = as_json(replace(REPORT, latency=timed(0.002, 0.0019, noise=0.001)))
    assert (found["verdict"], found["speedup"]) == ("too noisy to tell", None)
    assert found["latency"]["result"]["noisy"]
    assert not as_json(REPORT)["latency"]["result"]["noisy"]


def test_off_the_target_nothing_was_timed() -> None:
    report = replace(REPORT, latency=None, is_target=False)
    assert line(report, "latency") == "not timed on the target"


def test_a_replay_says_so() -> None:
    report = replace(REPORT, replayed=True, trials=0)
    assert line(report, "search") == "none: the committed plan was replayed"


def test_an_interrupted_search_says_so() -> None:
    report = replace(REPORT, interrupted=True, trials=1)
    assert line(report, "search") == "1 trial, low_compute, interrupted"


def test_every_warning_has_its_row() -> None:
    report = replace(REPORT, warnings=("FORCE_BF16 is set", "another version"))
    assert lines(report, "warning") == ["FORCE_BF16 is set", "another version"]


def test_ops_with_one_reason_share_a_row_the_most_first() -> None:
    reasons = {"a": "one", "b": "two", "c": "two"}
    rows = lines(replace(REPORT, fp32=reasons), "fp32")
    assert rows == ["2 ops: two", "1 op: one"]


def test_many_reasons_are_left_to_the_plan() -> None:
    reasons = {f"op{k}.{n}": f"reason {k}" for k in range(8) for n in range(9 - k)}
    rows = lines(replace(REPORT, fp32=reasons), "fp32")
    assert rows[0] == "9 ops: reason 0"
    assert rows[-1] == "9 more, see the plan"
    assert len(rows) == 6


def test_a_model_without_weights_or_flops_has_a_summary() -> None:
    empty = replace(
        REPORT, flops=0, flops_low=0, ops=0, ops_low=0, fp32_bytes=0, saved_bytes=900
    )
    assert line(empty, "compute").startswith("0.0% of FLOPs and 0 of 0 ops")
    assert "0.9 kB file" in line(empty, "size")


# JSON


def refused(token: str) -> None:
    raise AssertionError(f"{token} is no JSON")


def told(report: Report) -> Any:
    text = json.dumps(as_json(report), allow_nan=False)
    return json.loads(text, parse_constant=refused)


@pytest.mark.parametrize(
    "report",
    [
        REPORT,
        replace(REPORT, judgement=judged(math.nan)),
        replace(REPORT, judgement=None, drift=math.inf),
        replace(REPORT, judgement=judged(0.9, absolute=math.inf)),
        replace(REPORT, latency=None),
    ],
)
def test_the_report_is_strict_json(report: Report) -> None:
    assert told(report)["exit_code"] == report.exit_code


def test_json_says_what_the_summary_says() -> None:
    found = told(REPORT)
    assert found["low"] == "bf16"
    assert found["flops_low"] == 975
    assert found["judgement"]["holds"] is True
    assert found["judgement"]["result"]["value"] == 0.8951
    assert found["speedup"] == pytest.approx(2)
    assert found["verdict"] == "faster"
    assert found["fp32"]["head"] == "user: op_name_dict.head"
    assert found["plan"] == "net.plan.json"


def test_json_says_what_is_slower() -> None:
    found = told(replace(REPORT, latency=timed(0.002, 0.004)))
    assert (found["verdict"], found["speedup"]) == ("slower", 0.5)


def test_numbers_json_lacks_are_words_that_float_reads() -> None:
    found = told(replace(REPORT, judgement=None, drift=math.inf))
    assert float(found["drift"]) == math.inf
    value = told(replace(REPORT, judgement=judged(math.nan)))["judgement"]["result"]
    assert math.isnan(float(value["value"]))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(PLAIN)
def test_any_plain_data_becomes_strict_json(value: Any) -> None:
    found = json.loads(json_text(value), parse_constant=refused)
    assert found == strict(value)
    if "inf" not in repr(value) and "nan" not in repr(value):
        assert found == value


# Exit codes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"judgement": None}, 0),
        ({"judgement": judged(0.89)}, 0),
        ({"judgement": judged(0.5)}, 1),
        ({"judgement": judged(0.9, finite=False)}, 1),
        ({"judgement": judged(math.nan)}, 1),
        ({"interrupted": True}, 130),
        ({"interrupted": True, "judgement": judged(0.5)}, 130),
        ({"latency": timed(0.002, 0.004)}, 0),
    ],
)
def test_exit_codes(changes: dict[str, Any], code: int) -> None:
    assert replace(REPORT, **changes).exit_code == code


# Gathering


def test_the_report_counts_what_is_delivered(tmp_path: Path) -> None:
    both = (Kernel(FP32, FP32), Kernel(BF16, BF16))
    compute = Kind.COMPUTE
    graph = Graph(
        (
            Op(
                "a",
                "conv",
                compute,
                (Slot("x"), Slot("w")),
                ("a",),
                flops=30,
                kernels=both,
            ),
            Op(
                "b", "sin", Kind.POINTWISE, (Slot("a"),), ("b",), flops=10, kernels=both
            ),
            Op("c", "argmax", Kind.FIXED, (Slot("i"),), ("c",)),
        ),
        {
            **{name: Tensor(name, "float32", (5,)) for name in "xab"},
            "w": Tensor("w", "float32", (10, 10), constant=True),
            "i": Tensor("i", "int64", (5,)),
            "c": Tensor("c", "int64", (5,)),
        },
        ("x", "i"),
        ("b", "c"),
    )
    plan = Plan(
        BF16,
        {"a": BF16, "b": FP32, "c": FP32},
        {
            "b": Reason(Why.ACCURACY, "it is wrong", 0.5),
            "c": Reason(Why.FIXED, "has no fp32 tensor that could be cast"),
        },
        "low_compute",
        3,
    )
    saved = tmp_path / "candidate-net.pt2" / "net.pt2"
    saved.parent.mkdir()
    saved.write_bytes(b"x" * 210)
    run: Any = SimpleNamespace(
        name="net",
        script=tmp_path / "convert_net.py",
        options=SimpleNamespace(trial=None),
        interrupts=SimpleNamespace(came=False),
        warnings=["one"],
        notes=[],
    )
    conversion: Any = SimpleNamespace(
        context=run,
        traced=SimpleNamespace(graph=graph),
        notes=(),
        replayed={},
        timed_here=False,
        slots=SimpleNamespace(drawn={"x": "in [0, 9]"}),
        forms_in_use=lambda placement: {"a": "linear", "b": "linear"},
    )
    interrupted = Found((plan,), interrupted=True)
    found = gathered(
        Converted(conversion, interrupted, plan, saved, drift=0.5),
        None,
        tmp_path / "net.plan.json",
        missed=False,
    )
    assert (found.flops, found.flops_low) == (40, 30)
    assert (found.ops, found.ops_low) == (2, 1)
    assert found.casts == 2
    assert (found.fp32_bytes, found.saved_bytes) == (400, 210)
    assert found.fp32 == {"b": "accuracy: it is wrong"}
    assert (found.interrupted, found.replayed, found.warnings) == (True, True, ("one",))
