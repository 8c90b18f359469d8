"""Whole runs of a script: search, save, load again, judge, plan, replay.

The framework of these scripts is NumPy: low ops round to bfloat16 for real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError, ModelError, PlanError
from narrowcast.runtime.common.version import VERSION
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.record.plan import document, write_plan
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run import Context, Options, Run
from narrowcast.runtime.run.conversion import Conversion
from narrowcast.runtime.run.scoring import scored_as_loaded
from narrowcast.runtime.run.slots.slots import Slots, Standard
from narrowcast.runtime.search import Budget
from narrowcast.runtime.search.found import Plan

FP32, BF16 = Precision.FP32, Precision.BF16

MODEL_ITSELF: Any = SimpleNamespace(
    signature=lambda model: (), as_tensor=lambda array: array
)
"""An adapter whose models say nothing."""

SCRIPT = """
import json, os, signal, sys
from pathlib import Path

import numpy as np
from types import SimpleNamespace

from narrowcast.runtime import Budget, Criterion, Pins, Precision, Sources, command_line
from narrowcast.runtime.evaluation.evaluation import largest_error
from narrowcast.runtime.common.files import write_bytes
from narrowcast.runtime.frameworks.protocol import Probe
from narrowcast.runtime.graph.graph import Graph, Kernel, Kind, Op, Slot, Tensor
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.placement import low_compute

HERE = Path(__file__).resolve().parent
FP32, LOW = Precision.FP32, Precision.BF16
OPS = {
    "angle": lambda x, w: x * w,
    "sine": lambda x, w: np.sin(x),
    "steep": lambda x, w: x * 4000,
    "wave": lambda x, w: np.sin(x),
    "head": lambda x, w: x * 2,
}


def low(values):
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32)


def load_model():
    return float((HERE / "weights.txt").read_text())


def predictor(model, inputs=()):
    weight, placement = (load_model(), model) if isinstance(model, dict) else (model, None)
    return predicting(weight, placement)


def predicting(weight, placement=None):
    def predict(inputs):
        (value,) = inputs
        for name, function in OPS.items():
            is_low = placement and placement[name] == LOW
            value = function(low(value), low(weight)) if is_low else function(value, np.float32(weight))
            value = low(value) if is_low else value
        return (np.asarray(value, np.float32),)

    return predict


def signature(model):
    return ()


def as_tensor(array, like):
    return array


def load_saved(path):
    found = json.loads(path.read_text())
    if "DIES" in os.environ or (HERE / "killer").exists():
        os._exit(9)
    placement = {name: Precision(each) for name, each in found["placement"].items()}
    return predicting(found["weight"], placement)


def compile_saved(saved, package):
    return write_bytes(package, saved.read_bytes())


def load_compiled(path):
    predict = load_saved(path)
    return lambda inputs: tuple(
        each + float(os.environ["COMPILED"]) for each in predict(inputs)
    )


def batches():
    generator = np.random.default_rng(3)
    fp32 = predictor(load_model())
    for size in (20, 20, 7):
        x = generator.uniform(4096, 8192, (size, 2)).astype(np.float32)
        yield (x,), fp32((x,))[0]


calls = 0


class Traced:
    def __init__(self, weight, inputs):
        self.weight, self.inputs, self.switches = weight, inputs, {}
        self.notes = ("a weight was upgraded",)
        both = (Kernel(FP32, FP32), Kernel(LOW, LOW))
        names = ["x", *OPS]
        ops = [
            Op(name, "any", Kind.POINTWISE, (Slot(before),), (name,), flops=10, kernels=both)
            for before, name in zip(names, OPS)
        ]
        tensors = {name: Tensor(name, "float32", (20, 2)) for name in names}
        tensors["w"] = Tensor("w", "float32", (1,), constant=True)
        self.graph = Graph(tuple(ops), tensors, ("x",), ("head",))
        self.probes = {name: Probe(LOW, 0.01) for name in OPS}

    def statistics(self, precision):
        return {}

    def error(self, precision, ops):
        placement = {**dict.fromkeys(OPS, FP32), **dict.fromkeys(ops, precision)}
        expected = predicting(self.weight)(self.inputs)
        found = predicting(self.weight, placement)(self.inputs)
        return largest_error(expected, found)

    def sketch(self, precision, ops, probes=4, seed=0):
        return {}

    def apply(self, placement):
        global calls
        calls += 1
        if str(calls) == os.environ.get("INTERRUPT_AT"):
            os.kill(os.getpid(), signal.SIGTERM)
        killer = HERE / "killer"
        killer.unlink(missing_ok=True)
        if str(calls) == os.environ.get("KILL_AT"):
            killer.touch()
        if str(calls) == os.environ.get("DIE_AT"):
            os.kill(os.getpid(), signal.SIGKILL)
        if str(calls) == os.environ.get("RAISE_AT"):
            raise RuntimeError("no kernel")
        return dict(placement)

    def save(self, model, path):
        return write_bytes(
            path, json.dumps({"placement": model, "weight": self.weight}).encode()
        )


SOURCES = Sources(model=(HERE / "weights.txt",))


def trace(model, batch, *, low, inputs, outputs=()):
    return Traced(model, batch)


adapter = SimpleNamespace(
    signature=signature,
    as_tensor=as_tensor,
    executes=True,
    predictor=predictor,
    load_saved=load_saved,
    trace=trace,
    under_inductor=lambda traced: traced,
    compile_saved=compile_saved,
    load_compiled=load_compiled,
)


def convert(run):
    run.adapter = adapter
    subject = run.load(load_model, batches, sources=SOURCES)
    criterion = Criterion(
        absolute=float(os.environ.get("TOLERANCE", 0.001)), higher_is_better=False
    )
    subject = subject.judged_by(MSE, criterion)
    package = "net.compiled.json" if "COMPILED" in os.environ else ""
    conversion = subject.trace(LOW, "net.json", pins=Pins(), package=package)
    found = conversion.replay() or conversion.search(low_compute, Budget(max_trials=20))
    return run.finish(run.check(conversion, found))


if __name__ == "__main__":
    sys.exit(command_line(__file__, "net", convert))
"""


class Script:
    """The script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "convert_net.py").write_text(SCRIPT)
        (folder / "weights.txt").write_text("0.731")

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "convert_net.py", *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, **environ},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    @property
    def plan(self) -> Any:
        return json.loads((self.folder / "net.plan.json").read_text())

    def low(self) -> list[str]:
        """Ops in 16 bits, in the saved model."""
        saved = json.loads((self.folder / "net.json").read_text())["placement"]
        return [name for name, precision in saved.items() if precision == "bf16"]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_a_search_meets_the_criterion_and_leaves_a_plan(script: Script) -> None:
    code, out, err = script.run()
    assert code == 0
    assert script.low() == ["head"]
    assert "criterion holds" in out
    assert "9 trials, low_compute" in out
    assert err.count("  trial ") == 9
    assert "net.json loaded in a fresh process" in err
    plan = script.plan
    assert set(plan["fp32"]) == {"angle", "sine", "steep", "wave"}
    assert all(reason["why"] == "accuracy" for reason in plan["fp32"].values())
    assert plan["judgement"]["holds"] is True
    assert plan["trials"] == 9
    assert list(plan["files"]["model"]) == ["weights.txt"]
    assert plan["model"]["file"] == "net.json"


def test_the_same_search_leaves_the_same_bytes(script: Script) -> None:
    def files() -> list[bytes]:
        script.run("--search")
        return [
            (script.folder / name).read_bytes()
            for name in ("net.json", "net.plan.json")
        ]

    assert files() == files()


def test_workers_leave_the_same_bytes_as_one_process(script: Script) -> None:
    def run(*arguments: str) -> tuple[bytes, str, list[str]]:
        _code, out, err = script.run("--search", *arguments)
        trials = [line for line in err.splitlines() if line.startswith("  trial")]
        return (script.folder / "net.plan.json").read_bytes(), out, trials

    assert run("--workers", "2") == run()
    assert not list(script.folder.glob("candidate-*"))


@pytest.mark.nightly
def test_a_killed_worker_is_a_failed_trial(script: Script) -> None:
    code, out, err = script.run("--workers", "2", KILL_AT="2")
    assert code == 0
    assert "failed: ModelError: the workers failed: BrokenProcessPool" in err
    assert err.count("the workers failed") == 1
    assert "criterion holds" in out
    assert script.low() == ["head"]


def test_workers_end_with_a_script_that_was_killed(script: Script) -> None:
    """They hold its standard error, to the end of which this waits."""
    code, _out, _err = script.run("--workers", "2", DIE_AT="2")
    assert code == -9


def test_a_plan_is_replayed_without_a_trial(script: Script) -> None:
    script.run()
    plan = (script.folder / "net.plan.json").read_bytes()
    model = (script.folder / "net.json").read_bytes()
    (script.folder / "net.json").unlink()
    code, out, err = script.run()
    assert code == 0
    assert "none: the committed plan was replayed" in out
    assert "trial" not in err
    assert (script.folder / "net.plan.json").read_bytes() == plan
    assert (script.folder / "net.json").read_bytes() == model


@pytest.mark.nightly
def test_other_bytes_than_the_plans_are_a_warning(script: Script) -> None:
    assert script.run()[0] == 0
    _code, out, _err = script.run()
    assert "another file" not in out
    plan = script.plan
    plan["model"]["sha256"] = "00"
    (script.folder / "net.plan.json").write_text(json.dumps(plan))
    code, out, _err = script.run()
    assert code == 0
    assert "the same inputs gave another file than the plan's" in out


def test_a_replay_is_evaluated_and_may_fail(script: Script) -> None:
    script.run()
    code, out, _err = script.run(TOLERANCE="1e-9")
    assert code == 1
    assert "CRITERION NOT MET" in out


def test_a_new_search_overrides_the_plan(script: Script) -> None:
    (script.folder / "net.plan.json").write_text("junk")
    code, _out, err = script.run("--search")
    assert code == 0
    assert "  trial 1 " in err
    assert script.plan["trials"] == 9


@pytest.mark.parametrize("option", ["--output", "--plan"])
def test_what_could_not_be_written_is_said_before_the_search(
    script: Script, option: str
) -> None:
    (script.folder / "file").write_text("not a folder")
    code, out, err = script.run(option, "file/inside")
    assert (code, out) == (2, "")
    assert "can't write in" in err
    assert "baseline" not in err


def test_a_damaged_plan_is_refused(script: Script) -> None:
    (script.folder / "net.plan.json").write_text("{")
    code, out, err = script.run()
    assert (code, out) == (2, "")
    assert "error[NC602]: net.plan.json can't be read" in err
    assert "--search" in err
    assert "Traceback" not in err


def test_other_weights_are_applied_evaluated_and_warned_of(script: Script) -> None:
    script.run()
    (script.folder / "weights.txt").write_text("0.732")
    code, out, _err = script.run()
    assert code == 0
    assert "weights.txt changed since the plan was made" in out
    assert json.loads((script.folder / "net.json").read_text())["weight"] == 0.732


def test_what_the_adapter_notes_is_in_summary_and_plan(script: Script) -> None:
    _code, out, _err = script.run()
    assert "  note       a weight was upgraded\n" in out
    plan = json.loads((script.folder / "net.plan.json").read_text())
    assert plan["notes"] == ["a weight was upgraded"]


def test_a_criterion_out_of_reach_delivers_the_closest_and_says_so(
    script: Script,
) -> None:
    code, out, _err = script.run("--max-trials", "3", TOLERANCE="1e-9")
    assert code == 1
    assert "CRITERION NOT MET" in out
    assert "3 trials, low_compute, ended early by max_trials 3" in out
    assert (script.folder / "failed/net.json").exists()
    assert "net.plan.failed.json" in out
    failed = json.loads((script.folder / "net.plan.failed.json").read_text())
    assert failed["judgement"]["holds"] is False


def test_a_plan_that_can_not_be_written_leaves_the_earlier_model(
    script: Script,
) -> None:
    script.run()
    earlier = (script.folder / "net.json").read_bytes()
    (script.folder / "weights.txt").write_text("0.732")
    name = "p" * 250 + ".json"  # the name of the file beside it is too long
    code, _out, err = script.run("--search", "--plan", name)
    assert code == 2
    assert "can't write" in err
    assert (script.folder / "net.json").read_bytes() == earlier
    assert not list(script.folder.glob("candidate-*"))


def test_a_plan_that_failed_is_no_lock(script: Script) -> None:
    assert script.run("--max-trials", "3", TOLERANCE="1e-9")[0] == 1
    assert not (script.folder / "net.plan.json").exists()
    code, out, _err = script.run()
    assert code == 0
    assert "replayed" not in out


def test_a_failing_trial_is_a_failed_trial(script: Script) -> None:
    code, out, err = script.run(RAISE_AT="1")
    assert code == 0
    assert "failed: RuntimeError: no kernel" in err
    assert "9 trials" in out


def test_an_interrupted_search_saves_what_passed(script: Script) -> None:
    code, out, _err = script.run(INTERRUPT_AT="5")
    assert code == 130
    assert "4 trials, low_compute, interrupted" in out
    assert "criterion holds" in out
    assert script.low() == ["head"]
    assert script.plan["trials"] == 4


def test_an_interrupt_before_any_trial_passed_saves_nothing(script: Script) -> None:
    code, out, err = script.run(INTERRUPT_AT="2")
    assert (code, out) == (130, "")
    assert "interrupted before the conversion was done: no plan was written\n" in err
    assert err.endswith("--resume goes on where net.trials.jsonl ends.\n")
    assert "Traceback" not in err
    assert not (script.folder / "net.plan.json").exists()


def test_a_dead_child_is_a_model_error(script: Script) -> None:
    code, out, err = script.run(DIES="1")
    assert (code, out) == (2, "")
    assert "the process that opened the saved model died: exit code 9" in err


def test_json_has_the_whole_report(script: Script) -> None:
    code, out, _err = script.run("--json", "--output", "made")
    report = json.loads(out)
    assert code == report["exit_code"] == 0
    assert report["model"] == "made/net.json"
    assert report["trials"] == 9
    assert report["judgement"]["holds"] is True
    assert report["latency"] is None


def test_a_model_that_is_missing_is_a_message(script: Script) -> None:
    (script.folder / "weights.txt").unlink()
    code, _out, err = script.run()
    assert code == 2
    assert "error[NC404]: load_model() failed at convert_net.py:" in err
    assert ": FileNotFoundError: " in err
    assert "weights.txt" in err


# The steps by themselves


class Told:
    """Progress that remembers its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def live(self, label: str, text: str) -> None: ...

    def batch(self, number: int) -> None: ...

    def goes_on(self, what: str, seconds: float) -> None: ...

    def line(self, label: str, text: str) -> None:
        self.lines.append(f"{label}: {text}")


def a_run(folder: Path, **options: Any) -> Run:
    chosen = Options(folder, folder / "net.plan.json", **options)
    told = Told()
    return Run(
        Context("net", folder / "convert_net.py", chosen, told, time.perf_counter)
    )


def judged(run: Run, predict: Any) -> Standard:
    """The baseline's score, as `judged_by` makes it."""
    slots = Slots(MODEL_ITSELF, lambda: None, one_batch, (), Sources())
    criterion = Criterion(absolute=0.1, higher_is_better=False)
    return scored_as_loaded(run.context, slots, predict, MSE, criterion)


def conversion(
    run: Run, sources: Sources | None = None, pins: Pins | None = None
) -> Conversion:
    slots = Slots(MODEL_ITSELF, lambda: None, one_batch, (), sources or Sources())
    traced: Any = Bare()
    return Conversion(
        run.context, slots, None, None, traced, BF16, "net.json", pins or Pins()
    )


def one_batch() -> Any:
    yield (np.ones((2, 1), np.float32),), np.ones((2, 1), np.float32)


def test_a_model_that_fails_on_the_data_is_no_internal_error(tmp_path: Path) -> None:
    def predict(inputs: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(
        ModelError, match=r"fails on the data at test_run.py:\d+: Runtime"
    ):
        judged(a_run(tmp_path), predict)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_baseline_that_is_not_finite_is_refused(tmp_path: Path, bad: float) -> None:
    def predict(inputs: Any) -> Any:
        return (np.full((2, 1), bad, np.float32),)

    with pytest.raises(DataError, match="the fp32 model's outputs are not finite"):
        judged(a_run(tmp_path), predict)


def test_loading_keeps_a_users_error_and_wraps_any_other(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DataError("as it was")

    def fail() -> None:
        raise ImportError("No module named 'my_net'")

    run = a_run(tmp_path)
    run.adapter = MODEL_ITSELF
    with pytest.raises(DataError, match="as it was"):
        run.load(refuse, one_batch, sources=Sources())
    with pytest.raises(ModelError, match="ImportError: No module named 'my_net'"):
        run.load(fail, one_batch, sources=Sources())
    assert run.load(lambda: 3, one_batch, sources=Sources()).model == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Budget(20, 60)),
        ({"max_trials": 3}, Budget(3, 60)),
        ({"timeout": 5.0}, Budget(20, 5)),
        ({"timeout": 0.0}, Budget(20, None)),
    ],
)
def test_the_command_line_overrides_the_scripts_budget(
    tmp_path: Path, options: dict[str, Any], expected: Budget
) -> None:
    given = a_run(tmp_path, **options).context.options
    assert given.within(Budget(20, 60)) == expected


def a_graph() -> Graph:
    both = (Kernel(FP32, FP32), Kernel(BF16, BF16))
    op = Op("a", "any", Kind.COMPUTE, (Slot("x"),), ("a",), flops=1, kernels=both)
    tensors = {name: Tensor(name, "float32", (1,)) for name in "xa"}
    return Graph((op,), tensors, ("x",), ("a",))


class Bare:
    """A traced model of which only the graph is asked."""

    graph = a_graph()
    switches: ClassVar[dict[str, str]] = {}
    notes: ClassVar[tuple[str, ...]] = ()


def planned(folder: Path, **provenance: Any) -> Run:
    run = a_run(folder)
    plan = Plan(BF16, {"a": BF16}, {}, "low_compute", 1)
    now = {"narrowcast": VERSION, "framework": "", "name": "net", "spec": ""}
    made_with = {**now, "files": {}, **provenance}
    write_plan(run.context.options.plan, document(plan, Bare.graph, made_with))
    return run


def replayed(run: Run, sources: Sources | None = None, pins: Pins | None = None) -> Any:
    return conversion(run, sources, pins).replay()


def test_without_a_plan_nothing_is_replayed(tmp_path: Path) -> None:
    assert replayed(a_run(tmp_path)) is None


def test_a_replay_of_the_same_warns_of_nothing(tmp_path: Path) -> None:
    run = planned(tmp_path)
    found = replayed(run)
    assert [plan.placement for plan in found] == [{"a": BF16}]
    assert found.trials == ()
    assert run.context.warnings == []


def test_another_framework_version_is_a_warning(tmp_path: Path) -> None:
    run = planned(tmp_path, framework="torch 1.0")
    replayed(run)
    assert run.context.warnings == ["the plan was made with torch 1.0, this is "]


def test_another_runtime_is_a_warning(tmp_path: Path) -> None:
    run = planned(tmp_path, narrowcast="0.0.1")
    replayed(run)
    assert run.context.warnings == [f"the plan was made with 0.0.1, this is {VERSION}"]


def test_a_changed_spec_is_a_warning(tmp_path: Path) -> None:
    run = planned(tmp_path, spec="00")
    block = '# /// script\n# [tool.narrowcast]\n# spec-sha256 = "11"\n# ///\n'
    run.context.script.write_text(block)
    replayed(run)
    (warning,) = run.context.warnings
    assert "the spec changed since the plan was made" in warning


def test_a_spec_that_is_the_same_is_none(tmp_path: Path) -> None:
    run = planned(tmp_path, spec="11")
    block = '# /// script\n#\n# [tool.narrowcast]\n# spec-sha256 = "11"\n# ///\n'
    run.context.script.write_text(block)
    replayed(run)
    assert run.context.warnings == []


def test_a_pin_that_the_plan_breaks_is_an_error(tmp_path: Path) -> None:
    pins = Pins(names={"a": "mixed_precision.op_wise.a"})
    with pytest.raises(PlanError) as caught:
        replayed(planned(tmp_path), pins=pins)
    assert "has a in bf16, mixed_precision.op_wise.a keeps it in fp32" in str(
        caught.value
    )
    assert "--search" in caught.value.remedy


def test_files_that_are_gone_are_a_warning(tmp_path: Path) -> None:
    run = planned(tmp_path, files={"data": {"old.csv": "00"}})
    replayed(run)
    assert run.context.warnings == ["without old.csv, which the plan was made with"]


def test_a_failed_search_leaves_lock_and_model_alone(script: Script) -> None:
    assert script.run()[0] == 0
    before = {
        n: (script.folder / n).read_bytes() for n in ("net.json", "net.plan.json")
    }
    code, out, _err = script.run("--search", "--max-trials", "3", TOLERANCE="1e-9")
    assert code == 1
    assert {n: (script.folder / n).read_bytes() for n in before} == before
    assert "failed/net.json" in out
    assert (script.folder / "failed/net.json").exists()
    assert not list(script.folder.glob("candidate-*"))


def test_a_package_is_judged_and_delivered_with_its_model(script: Script) -> None:
    code, out, err = script.run("--json", COMPILED="1e-4")
    assert code == 0
    report = json.loads(out)
    assert report["package"]["path"] == "net.compiled.json"
    assert report["package"]["judgement"]["holds"]
    assert report["package"]["judgement"]["result"] != report["judgement"]["result"]
    assert (script.folder / "net.compiled.json").exists()
    assert script.plan["execution"] == "compile"
    assert script.plan["package"]["file"] == "net.compiled.json"
    assert "net.compiled.json loaded in a fresh process" in err


def test_without_a_package_the_plan_says_eager(script: Script) -> None:
    assert script.run()[0] == 0
    assert script.plan["execution"] == "eager"
    assert "package" not in script.plan


@pytest.mark.nightly
def test_a_package_that_misses_fails_its_model_too(script: Script) -> None:
    """The criterion is demanded of what is deployed; a good pair stays in place."""
    assert script.run(COMPILED="0")[0] == 0
    good = ("net.json", "net.compiled.json", "net.plan.json")
    before = {n: (script.folder / n).read_bytes() for n in good}
    code, out, _err = script.run("--search", COMPILED="1")
    assert code == 1
    assert "the model holds, its package does not: both are kept as failed" in out
    assert out.count("CRITERION NOT MET") == 1
    assert {n: (script.folder / n).read_bytes() for n in before} == before
    for name in ("failed/net.json", "failed/net.compiled.json"):
        assert (script.folder / name).exists()
    assert (script.folder / "net.plan.failed.json").exists()
    assert not list(script.folder.glob("candidate-*"))


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({}, "w.pt is new since the plan was made"),
        ({"model": {}}, "w.pt is new since the plan was made"),
        ({"model": {"w.pt": "00"}}, "w.pt changed since the plan was made"),
        (
            {"model": {"v.pt": "00"}},
            "w.pt in place of v.pt, which the plan was made with",
        ),
    ],
)
def test_changed_and_new_files_are_a_warning(
    tmp_path: Path, recorded: Any, said: str
) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    run = planned(tmp_path, files=recorded)
    replayed(run, Sources(model=(tmp_path / "w.pt",)))
    assert run.context.warnings == [said]


def test_damaged_hashes_are_a_plan_error(tmp_path: Path) -> None:
    run = planned(tmp_path, files=["w.pt"])
    with pytest.raises(PlanError, match=r"net\.plan\.json is damaged"):
        replayed(run)


def test_a_warning_is_said_now_and_kept(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.context.warn("mind the gap")
    assert isinstance(run.context.progress, Told)
    assert run.context.progress.lines == ["warning: mind the gap"]
    assert run.context.warnings == ["mind the gap"]


def test_the_baseline_is_told(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    standard = judged(run, lambda inputs: inputs)
    assert standard.baseline == Evaluation("MSE", 0.0, 2, True)
    assert isinstance(run.context.progress, Told)
    assert run.context.progress.lines == ["baseline: MSE 0.0000"]
