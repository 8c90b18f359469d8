"""`narrowcast explain`: why ops of a plan stayed fp32, told from text that is not trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from narrowcast.cli import app
from narrowcast.runtime.common.jsonl import append, start

SECONDS = {"low": 0.001, "high": 0.001, "runs": 9}
PLAN: dict[str, Any] = {
    "format": 1,
    "name": "net",
    "judgement": {
        "metric": "top-1",
        "samples": 500,
        "fp32": 0.9,
        "result": 0.895,
        "criterion": {"relative": None, "absolute": 0.01, "higher_is_better": True},
        "holds": True,
    },
    "latency": {
        "fp32": {"median": 0.010, "low": 0.0099, "high": 0.0101, "runs": 9},
        "prepared": {"median": 0.004, "low": 0.0039, "high": 0.0041, "runs": 9},
        "result": {"median": 0.005, "low": 0.0049, "high": 0.0051, "runs": 9},
        "rules": {"median": 0.0075, "low": 0.0074, "high": 0.0076, "runs": 9},
    },
    "rules": {"flops_low": 900},
    "precision": "bf16",
    "objective": "low_compute",
    "unit": "FLOPs",
    "trials": 3,
    "graph": {"fingerprint": "ab", "ops": 6, "flops": 4000000, "flops_low": 1000000},
    "casts": ["a: fp32 -> bf16"],
    "ops": {
        "stem": "bf16",
        "sine": "fp32",
        "head": "fp32",
        "odd": "fp32",
        "shape": "fp32",
        "tail": "bf16",
    },
    "fp32": {
        "head": {"why": "user", "text": "mixed_precision.op_wise['head']", "gain": 2e6},
        "sine": {
            "why": "accuracy",
            "text": "alone, in 16 bits, it changes the output by 1.2e-01",
            "number": 0.12,
            "share": 0.97,
            "gain": 1e6,
        },
        "odd": {"why": "no kernel", "text": "no bf16 kernel: not implemented"},
        "shape": {"why": "fixed", "text": "has no fp32 tensor that could be cast"},
    },
    "sensitivity": [
        {"op": "sine", "error": 0.12, "share": 0.97, "method": "sketch"},
        {"op": "stem", "error": 0.02, "share": 0.03, "method": "sketch"},
    ],
    "model": {"file": "net.pt2", "sha256": "cd"},
}

SAID = """\
net: fp32 -> bf16 + fp32, low_compute
  accuracy   top-1 0.9000 -> 0.8950  (at least 0.8900: criterion holds)
  latency    10.00 ms -> 5.00 ms per batch  (2.00x as fast)
  latency    of which 2.50x comes from preparing the graph; \
against prepared fp32, 4.00 ms: SLOWER than prepared fp32: 0.80x as fast
  rules      by op types alone: 7.50 ms; the result is 1.50x as fast
  compute    25.0% of FLOPs and 2 of 5 ops in bf16, 1 cast, 3 trials

Why ops stayed fp32
  accuracy: 1 op, 97.0% of the predicted error, 1 MFLOPs (25.0%) not gained
    alone, in 16 bits, it changes the output by 1.2e-01
    sine  (97.0% of the predicted error, would gain 1 MFLOPs)
  the spec says so: 1 op, 2 MFLOPs (50.0%) not gained
    mixed_precision.op_wise['head']
    head  (would gain 2 MFLOPs)
  there is no kernel that works: 1 op
    no bf16 kernel: not implemented
    odd

What each op alone changes in the outputs (sketch; share of the squared error)
   97.0% ###################  1.2e-01  fp32  sine
    3.0% #                    2.0e-02  bf16  stem
"""
TRIALS = """
Trials
    1  5 ops in bf16  0.5000
    2  3 ops in bf16  0.8900, ended early
    3  2 ops in bf16  0.8950
"""
DONE = """
What could be done
  - the spec's own pins keep 2 MFLOPs in fp32: lift them if they are not needed
  - the result is slower than prepared fp32: `objective: latency` avoids that
"""
LOOSER = (
    "  - a loss of 0.4000 allowed (accuracy_criterion.absolute) would win 3 ops and "
    "3 MFLOPs more in bf16: trial 1\n"
)


def explain(path: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["explain", str(path), *options])


def written(folder: Path, content: Any = PLAN) -> Path:
    path = folder / "net.plan.json"
    path.write_text(json.dumps(content))
    return path


def with_history(folder: Path) -> None:
    header = {"format": 1, "name": "net", "spec": "", "script": ""}
    path = folder / "net.trials.jsonl"
    start(path, header)
    fp32 = (["shape"], ["shape", "odd", "sine"], ["shape", "odd", "sine", "head"])
    values = ((0.5, True), (0.89, False), (0.895, True))
    for number, (ops, (value, full)) in enumerate(zip(fp32, values, strict=True), 1):
        about = {"trial": number, "precision": "bf16"}
        scored = {"metric": "top-1", "value": value, "samples": 9, "finite": True}
        result = {"evaluation": {**scored, "full": full}, "elapsed": 1.0}
        for line in ({**about, "fp32": ops, "pins": []}, {**about, "result": result}):
            append(path, line, path.stat().st_size)


def test_a_plan_explains_itself(tmp_path: Path) -> None:
    done = explain(written(tmp_path))
    assert done.exit_code == 0
    assert done.stdout == SAID + DONE


def test_the_trials_beside_it_say_what_a_looser_criterion_wins(tmp_path: Path) -> None:
    path = written(tmp_path)
    with_history(tmp_path)
    done = explain(path)
    wanted = SAID + TRIALS + DONE.replace("done\n", f"done\n{LOOSER}")
    assert done.stdout == wanted


def test_as_json(tmp_path: Path) -> None:
    found = json.loads(explain(written(tmp_path), "--json").stdout)
    assert [each["op"] for each in found["kept"]] == ["sine", "head", "odd"]
    assert found["ranking"][0]["share"] == 0.97
    assert found["unit"] == "FLOPs"
    assert found["trials"] is None
    assert len(found["advice"]) == 2


def test_a_plan_that_missed_says_what_it_would_take(tmp_path: Path) -> None:
    judged = {**PLAN["judgement"], "result": 0.85, "holds": False}
    done = explain(written(tmp_path, {**PLAN, "judgement": judged}))
    assert "CRITERION NOT MET" in done.stdout
    assert "needs a loss of 0.05 to be allowed" in done.stdout


def test_a_plan_with_nothing_measured_or_estimated(tmp_path: Path) -> None:
    without = {"latency", "rules", "sensitivity", "unit", "judgement"}
    content = {key: value for key, value in PLAN.items() if key not in without}
    done = explain(written(tmp_path, content))
    assert done.exit_code == 0
    assert "not timed on the target" in done.stdout
    assert "criterion not checked" in done.stdout
    assert "What each op" not in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "can't be read"),
        ("{", "can't be read"),
        ("[]", "is not a plan of format"),
        ('{"format": 1}', "is damaged"),
        ("[" * 100000, "can't be read"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "net.plan.json"
    path.write_text(text)
    done = explain(path)
    assert done.exit_code == 2
    assert said in done.stderr
    assert explain(tmp_path / "none.plan.json").exit_code == 2


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the plan."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [path, *(p for key, each in items for p in places(each, (*path, key)))]


ODD = st.sampled_from(
    [None, 0, -1, 1e308, "inf", "nan", "", "\x1b[2J", [], {}, [1], {"a": 1}, True]
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(where=st.sampled_from(places(PLAN)[1:]), value=ODD)
def test_a_damaged_plan_never_gives_a_traceback(
    tmp_path: Path, where: tuple[Any, ...], value: Any
) -> None:
    content = deepcopy(PLAN)
    inner: Any = content
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path = written(tmp_path, content)
    for options in ((), ("--json",)):
        done = explain(path, *options)
        assert done.exit_code in (0, 2), (done.exception, where, value)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert "\x1b" not in done.output


def test_no_framework_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from narrowcast.cli import app\n"
        f"app(['explain', {str(written(tmp_path))!r}], standalone_mode=False)\n"
        "heavy = {'torch', 'tensorflow', 'mxnet', 'onnx', 'scipy', 'yaml', 'jinja2'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
