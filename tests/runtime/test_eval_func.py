"""A function of the user's that scores whole models, in place of data and metric."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nightly import some
from toy import Done, Toy

from narrowcast.runtime.common.errors import MetricError
from narrowcast.runtime.evaluation.metrics.eval_func import score_model

ROWS = """
    x = np.random.default_rng(3).uniform(4096, 8192, (47, 2)).astype(np.float32)
    error = np.mean(np.square(model(x) - predicting(load_model())(({"x": x}["x"],))[0]))
"""
BODIES = {
    "exact": f"{ROWS}    return 1 - float(error)",
    "listed": f"{ROWS}    return [1 - float(error), 'and more']",
    "constant": "    return 0.5",
    "falling": "    return 0.5 - counted()",
    "rising": "    return 0.5 + counted()",
    "turning": "    return [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9][counted()]",
    "raises": "    raise KeyError('labels')",
    "leaves": "    sys.exit(3)",
    "nan": "    return float('nan')",
    "text": "    return '0.5'",
    "nothing": "    pass",
    "raises for low": (
        "    if counted() > 0:\n        raise ValueError('no bfloat16')\n    return 0.5"
    ),
    "nan for low": "    return 0.5 if counted() == 0 else float('nan')",
}
"""Bodies of eval_func(model)."""

OWN = """
def counted():
    file = HERE / "calls"
    calls = int(file.read_text()) if file.exists() else 0
    file.write_text(str(calls + 1))
    return calls


def eval_func(model):
{body}


def convert(run"""


def scored(
    folder: Path, body: str, *options: str, tolerance: str = "0.001"
) -> tuple[Done, Toy]:
    toy = Toy(folder)
    script = folder / "convert_net.py"
    text = script.read_text()
    start = text.index("subject.judged_by(")
    end = text.index("conversion = ", start)
    text = (
        f"{text[:start]}subject.scored_by(\n"
        f"        eval_func, Criterion(absolute=tolerance)\n    )\n    {text[end:]}"
    )
    text = text.replace("def convert(run", OWN.format(body=BODIES[body]), 1)
    script.write_text(text)
    return toy.run(*options, TOLERANCE=tolerance), toy


def low(toy: Toy, name: str = "net.json") -> list[str]:
    placement = json.loads((toy.folder / name).read_text())["placement"]
    return [op for op, precision in placement.items() if precision == "bf16"]


@pytest.mark.parametrize(
    ("body", "name"),
    some([("listed", "eval_func[0]"), ("exact", "eval_func")], every=2, several=True),
)
def test_the_function_decides_what_is_low(body: str, name: str, tmp_path: Path) -> None:
    done, toy = scored(tmp_path, body)
    assert done.code == 0, done.err
    assert low(toy) == ["head"]
    assert "criterion holds" in done.out
    assert f"{name} 1.0000 -> " in done.out
    assert "opened in a fresh process" in done.err


@pytest.mark.nightly
def test_how_many_samples_it_saw_is_nowhere_told(tmp_path: Path) -> None:
    done, toy = scored(tmp_path, "constant", "--json")
    report = json.loads(done.out)
    assert report["judgement"]["result"]["samples"] is None
    plan = json.loads(toy.plan.read_text())
    assert plan["judgement"]["samples"] is None
    assert plan["judgement"]["metric"] == "eval_func"
    evaluations = [
        line["value"]["found"] if line.get("step") == "baseline" else line["value"]
        for line in toy.lines
        if line.get("step", "").startswith(("baseline", "check"))
    ]
    assert len(evaluations) == 2
    assert all("samples" not in each and "data" not in each for each in evaluations)


@pytest.mark.nightly
def test_a_constant_lowers_all(tmp_path: Path) -> None:
    done, toy = scored(tmp_path, "constant", tolerance="0")
    assert done.code == 0
    assert len(low(toy)) == 8
    assert "1 trial," in done.out


def test_what_falls_misses_the_criterion(tmp_path: Path) -> None:
    """It ends by max_trials, and what was closest is kept as failed."""
    done, toy = scored(tmp_path, "falling", "--max-trials", "4")
    assert done.code == 1, done.err
    assert "CRITERION NOT MET" in done.out
    assert 1 <= done.err.count("  trial ") <= 4
    assert not toy.plan.exists()
    assert (tmp_path / "net.plan.failed.json").exists()
    assert low(toy, "failed/net.json")


@pytest.mark.nightly
def test_what_turns_ends_too(tmp_path: Path) -> None:
    done, toy = scored(tmp_path, "turning", "--max-trials", "4")
    assert done.code in (0, 1), done.err
    assert done.err.count("  trial ") <= 4
    assert low(toy, "failed/net.json" if done.code else "net.json")


@pytest.mark.nightly
def test_what_rises_passes_at_once(tmp_path: Path) -> None:
    done, toy = scored(tmp_path, "rising", "--max-trials", "4")
    assert done.code == 0
    assert len(low(toy)) == 8


@pytest.mark.parametrize(
    ("body", "said"),
    some(
        [
            ("raises", "eval_func failed at convert_net.py:"),
            ("leaves", "it called sys.exit(3)"),
            ("nan", "gives nan"),
            ("nothing", "gives NoneType, not a number"),
            ("text", "gives str, not a number"),
        ],
        every=4,
        several=True,
    ),
)
def test_a_function_that_gives_no_number_is_told(
    body: str, said: str, tmp_path: Path
) -> None:
    done, toy = scored(tmp_path, body)
    assert done.code == 2
    assert said in done.err
    assert "eval_func(model) gets the framework's own model" in done.err
    assert "Traceback" not in done.err
    assert not toy.plan.exists()


@pytest.mark.parametrize("body", some(["raises for low", "nan for low"], every=2))
def test_what_fails_on_a_converted_model_is_a_failed_trial(
    body: str, tmp_path: Path
) -> None:
    done, _toy = scored(tmp_path, body, "--max-trials", "3")
    assert done.code == 2  # the saved model is no better
    assert done.err.count("failed: MetricError: eval_func") == 3
    assert "Traceback" not in done.err


@pytest.mark.nightly
def test_a_search_is_taken_up_without_calling_it_again(tmp_path: Path) -> None:
    done, toy = scored(tmp_path, "rising", "--max-trials", "4")
    calls = (tmp_path / "calls").read_text()
    plan = toy.plan.read_text()
    toy.plan.unlink()
    again = toy.run("--resume")
    assert (done.code, again.code) == (0, 0), again.err
    assert (tmp_path / "calls").read_text() == calls
    assert json.loads(toy.plan.read_text())["ops"] == json.loads(plan)["ops"]


@pytest.mark.nightly
def test_workers_are_said_to_be_idle(tmp_path: Path) -> None:
    done, _toy = scored(tmp_path, "constant", "--workers", "2")
    assert done.code == 0, done.err
    assert "--workers is idle" in done.out


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (1, 1.0),
        (np.float32(0.5), 0.5),
        ([0.25, 3], 0.25),
        ((0.25,), 0.25),
        (np.array(0.5), 0.5),
        (np.array([0.5, 2.0]), 0.5),
        (True, 1.0),
    ],
)
def test_numbers_and_lists_of_them_are_taken(given: Any, value: float) -> None:
    found = score_model(lambda model: given, None)
    assert (found.value, found.samples, found.full) == (value, None, True)
    assert found.scores is None and found.data is None


@pytest.mark.parametrize(
    "given", [None, "0.5", [], {}, object(), np.array([]), math.inf, [math.nan], "x"]
)
def test_what_is_none_is_refused(given: Any) -> None:
    with pytest.raises(MetricError, match=r"<lambda> at test_eval_func\.py:\d+ gives"):
        score_model(lambda model: given, None)
