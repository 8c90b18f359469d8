"""Two precisions: what one can't do leaves the other's checked model."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from toy import Toy

from narrowcast.runtime.common.errors import (
    DataError,
    ModelError,
    RequirementError,
    UsageError,
)
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.hardware.answers import Answer, Device
from narrowcast.runtime.hardware.requirements import Requirements
from narrowcast.runtime.run import Context, Options, Run

BF16, FP16 = Precision.BF16, Precision.FP16


def a_run(folder: Path) -> Run:
    options = Options(folder, folder / "net.plan.json")
    stream = Terminal(io.StringIO())
    return Run(
        Context("net", folder / "convert_net.py", options, stream, time.perf_counter)
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelError("no kernel"), "left out: fp16: no kernel"),
        (RequirementError("no fp16 here", "Buy one."), "left out: no fp16 here"),
        (UsageError("--costs c.json is of another graph"), "fp16: --costs c.json is"),
        (DataError("the data can't be read"), "fp16: the data can't be read"),
        (KeyError("inner"), "left out: fp16: KeyError: 'inner'"),
        (SystemExit(0), "left out: fp16: it called sys.exit(0)"),
    ],
)
def test_what_passed_is_kept_whatever_the_other_fails_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    run, first = a_run(tmp_path), object()
    chosen: list[Any] = []

    def choose(results: Sequence[Any]) -> Any:
        chosen.extend(results)
        return type("Best", (), {"conversion": type("C", (), {"replayed": {}})})

    def convert_to(low: Precision) -> Any:
        if low is FP16:
            raise error
        return first

    monkeypatch.setattr("narrowcast.runtime.run.run.better", choose)
    monkeypatch.setattr("narrowcast.runtime.run.run.described_result", lambda each: "")
    run.better((BF16, FP16), convert_to)
    assert chosen == [first]
    (warning,) = run.context.warnings
    assert said in warning


def test_without_any_the_first_ones_error_is_told(tmp_path: Path) -> None:
    def convert_to(low: Precision) -> Any:
        raise RequirementError(f"no {low}")

    with pytest.raises(RequirementError, match="no bf16"):
        a_run(tmp_path).better((BF16, FP16), convert_to)


def test_what_forcing_can_not_help_is_found_before_the_model_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_BF16", "1")
    monkeypatch.setenv("FORCE_FP16", "1")
    monkeypatch.setattr(
        "narrowcast.runtime.hardware.requirements.framework_version",
        lambda *args: "9999.0",
    )
    monkeypatch.setattr(
        "narrowcast.runtime.hardware.requirements.found_flags", lambda *args: ()
    )

    class Plugin:
        @staticmethod
        def answer(precision: Precision, device: Device) -> Answer:
            if precision is BF16:
                return Answer(False, "it is slow")
            return Answer(
                False, "it computes fp32", remedy="Take bf16.", anywhere=False
            )

    adapter: Any = Plugin()
    both = [
        Requirements(framework="openvino>=2025.0", precision=low, device="cpu")
        for low in (BF16, FP16)
    ]
    run = a_run(tmp_path)
    assert run.require(adapter, *both) == (BF16,)
    (left,) = [text for text in run.context.warnings if text.startswith("left out")]
    assert "OpenVINO can't on this machine, forced or not: it computes fp32." in left
    with pytest.raises(RequirementError, match="forced or not") as caught:
        a_run(tmp_path).require(adapter, both[1])
    assert caught.value.remedy == "Take bf16."


# Searches that end early


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-trials", "2"), "ended by max_trials 2 before any trial passed: "),
        (
            ("--timeout", "1e-9"),
            "ended by timeout of 1e-09 s before any trial passed: ",
        ),
    ],
)
def test_a_search_that_ends_before_anything_passed_says_what_helps(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    toy = Toy(tmp_path)
    done = toy.run("--json", *options)
    assert done.code == 1
    (warning,) = [w for w in json.loads(done.out)["warnings"] if said in w]
    more = warning.partition("--resume ")[2].partition(" goes on")[0].split()
    again = toy.run("--resume", *more, "--max-trials", "20")
    assert again.code == 0, again.err
    assert "before any trial passed" not in again.out


# Links


def test_what_is_written_goes_where_a_link_leads_and_the_link_stays(
    tmp_path: Path,
) -> None:
    (tmp_path / "run").mkdir()
    toy = Toy(tmp_path / "run")
    targets = {
        "plan.json": "net.plan.json",
        "costs.json": "costs.json",
        "trials": "net.trials.jsonl",
        "model": "net.json",
    }
    for target, link in targets.items():
        kept = tmp_path / target
        if target != "costs.json":  # one that is there would be read
            kept.write_text("keep")
        (toy.folder / link).symlink_to(kept)
    options = ("--plan", "net.plan.json", "--costs", "costs.json")
    assert toy.run("--search", *options).code == 0
    for target, link in targets.items():
        kept = tmp_path / target
        assert kept.read_text() not in ("keep", "")
        assert (toy.folder / link).is_symlink()
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == sorted([*targets, "run"])


@pytest.mark.nightly
def test_a_history_behind_a_link_is_continued_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    toy = Toy(tmp_path / "run")
    toy.run(KILL="trial 3")
    kept = tmp_path / "kept.jsonl"
    toy.history.replace(kept)
    before = kept.read_bytes()
    toy.history.symlink_to(kept)
    assert toy.run("--resume").code == 0
    assert kept.read_bytes().startswith(before[: before.rindex(b"\n")])
    assert toy.history.is_symlink()
