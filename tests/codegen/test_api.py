"""The Python API renders the script that `narrowcast generate` writes: no second path."""

from __future__ import annotations

import difflib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

import narrowcast
from narrowcast import common
from narrowcast.api import MixedPrecision
from narrowcast.codegen import compile_script, default_name, render
from narrowcast.runtime.common.errors import ModelError, NarrowcastError, UsageError
from narrowcast.spec import load

CASES = Path(__file__).parents[1] / "cases"
SPECS = sorted(path.parent for path in CASES.glob("*/expected"))
MODEL = {"name": "net", "framework": "onnx"}
ROWS = np.zeros((4, 3), np.float32)


class Right:
    """A metric."""

    higher_is_better = False

    def update(self, predictions: Any, labels: Any) -> None: ...
    def reset(self) -> None: ...
    def result(self) -> float:
        return 1.0


def generate(spec: Path) -> str:
    """What `narrowcast generate` writes beside a spec."""
    known = load(spec)
    target = spec.resolve().parent / default_name(known)
    return render(compile_script(known, spec.resolve(), target))


def changed(before: str, after: str) -> set[str]:
    """Lines that one of two scripts has and the other has not."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return {line[2:].strip() for line in lines if line[:2] in ("- ", "+ ")}


@pytest.mark.parametrize("case", SPECS, ids=lambda case: case.name)
def test_a_file_gives_the_script_of_the_command_line(case: Path) -> None:
    (expected,) = (case / "expected").glob("*.py")
    assert MixedPrecision(case / "spec.yaml").script == expected.read_text("utf-8")


@pytest.mark.parametrize("case", SPECS, ids=lambda case: case.name)
def test_a_dict_goes_through_the_same_text(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`converter.spec` is the text that generates `converter.script`."""
    monkeypatch.chdir(tmp_path)
    converter = MixedPrecision(yaml.safe_load((case / "spec.yaml").read_text("utf-8")))
    file = tmp_path / f"{load(case / 'spec.yaml').model.slug}.yaml"
    file.write_text(converter.spec, "utf-8")
    assert generate(file) == converter.script
    assert MixedPrecision(file).spec == ""


def test_a_spec_that_names_no_model_is_the_same_with_one(tmp_path: Path) -> None:
    spec = tmp_path / "conf.yaml"
    spec.write_text(yaml.safe_dump({"model": MODEL}), "utf-8")
    converter = MixedPrecision(str(spec))
    alone = converter.script
    converter.model = "elsewhere/net.onnx"
    converter.eval_dataloader = [(ROWS, None)]
    assert converter.script == alone == generate(spec)


def test_what_code_supplies_takes_the_place_of_what_the_file_names() -> None:
    spec = CASES / "onnx_openvino" / "spec.yaml"
    converter = MixedPrecision(spec)
    alone = converter.script
    converter.model = "net.onnx"
    converter.metric = Right()
    different = changed(alone, converter.script)
    assert "model: Callable[[], Model]," in different
    assert "metric: Callable[[], Metric] | None = None," in different
    assert "CRITERION" not in str(
        different - {each for each in different if "=" in each}
    )


def test_values_that_code_sets_are_the_specs(tmp_path: Path) -> None:
    spec = tmp_path / "conf.yaml"
    data = {"model": {**MODEL, "framework": "tensorflow", "path": "net.pb"}}
    spec.write_text(yaml.safe_dump(data), "utf-8")
    converter = MixedPrecision(spec)
    converter.precisions = "fp16, fp32"
    converter.input = "a, b"
    converter.output = ["y"]
    wanted = {
        "model": {**data["model"], "inputs": ["a", "b"], "outputs": ["y"]},
        "mixed_precision": {"precisions": ["fp16", "fp32"]},
    }
    script = converter.script
    spec.write_text(yaml.safe_dump(wanted), "utf-8")
    assert script == generate(spec)
    assert converter.input == "a, b"
    assert converter.output == ["y"]


def test_the_metrics_direction_is_the_criterions(tmp_path: Path) -> None:
    converter = MixedPrecision({"model": {**MODEL, "path": "net.onnx"}})
    assert "higher_is_better=True" in converter.script
    converter.metric = Right()
    assert "higher_is_better=False" in converter.script


def test_a_configuration_object_is_its_keys() -> None:
    wanted = {"model": {**MODEL, "path": "net.onnx"}}
    conf = SimpleNamespace(usr_cfg={**wanted, "tuning": {"random_seed": None}})
    assert MixedPrecision(conf).script == MixedPrecision(wanted).script


def test_it_is_what_it_was_in_neural_compressor() -> None:
    from narrowcast.experimental import MixedPrecision as Experimental
    from narrowcast.experimental import common as theirs

    assert Experimental is narrowcast.MixedPrecision is MixedPrecision
    assert theirs is narrowcast.common is common
    converter = MixedPrecision()
    assert repr(converter) == "MixedPrecision"
    converter.precisions = ["fp32", "bf16"]
    assert converter.precisions == ["bf16", "fp32"]
    converter.precisions = "fp32, bf16"
    assert converter.precisions == ["bf16", "fp32"]
    converter.model = common.Model("net.onnx")
    assert converter.model == "net.onnx"


@pytest.mark.parametrize(
    ("path", "framework"),
    [
        ("net.pt2", "PyTorch"),
        ("net.pb", "TensorFlow"),
        ("net.keras", "TensorFlow"),
        ("net-symbol.json", "MXNet"),
        ("net.onnx", "ONNX"),
    ],
)
def test_a_file_says_its_framework(path: str, framework: str) -> None:
    converter = MixedPrecision()
    converter.model = f"models/{path}"
    assert f"({framework}" in converter.script
    assert "Convert net (" in converter.script


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "there is no model yet"),
        ("net", "the model net does not exist"),
        (3, "the model is an int"),
        (".", "doesn't say whose model it holds"),
    ],
)
def test_a_model_that_says_nothing(
    model: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    converter = MixedPrecision()
    converter.model = model
    with pytest.raises(NarrowcastError, match=said):
        _ = converter.script


REFUSED = [
    ("eval_dataloader", (x for x in [(ROWS, 0)]), "can be read only once"),
    ("eval_dataloader", {"input_ids": ROWS}, "a dict of input_ids, not batches"),
    ("metric", object(), "which has no update"),
    ("eval_func", 3, "can't be called"),
    ("postprocess", 3, "can't be called"),
    ("precisions", 3, "these are no names"),
    ("input", [1], "these are no names"),
]


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_what_can_not_be_used_is_refused_where_it_is_set(
    name: str, value: Any, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        setattr(MixedPrecision(), name, value)
    assert isinstance(refused.value, SystemExit)
    assert refused.value.code == 2


@pytest.mark.parametrize("conf", ["missing.yaml", 3])
def test_a_configuration_that_can_not_be_read(conf: Any) -> None:
    with pytest.raises(UsageError, match=r"no such file|is given an int"):
        MixedPrecision(conf)


UNCAUGHT = """
from narrowcast import MixedPrecision
converter = MixedPrecision({conf!r})
converter.model = "net.onnx"
print("before")
converter()
print("after")
"""


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    (folder / "snippet.py").write_text(script, "utf-8")
    return subprocess.run(
        [sys.executable, "snippet.py"], cwd=folder, capture_output=True, text=True
    )


def test_a_refusal_that_nobody_catches_ends_the_script(tmp_path: Path) -> None:
    """As `narrowcast` itself ends: two lines and the exit code, no traceback."""
    (tmp_path / "conf.yaml").write_text(
        "model: {name: net, framework: onnks}\n", "utf-8"
    )
    done = run(tmp_path, UNCAUGHT.format(conf="conf.yaml"))
    assert done.returncode == 2
    assert done.stdout == "before\n"
    assert done.stderr.startswith("conf.yaml:1:31: error[NC205]: model.framework")
    assert "Traceback" not in done.stderr


def test_a_refusal_that_is_caught_says_nothing_by_itself(tmp_path: Path) -> None:
    caught = "from narrowcast.runtime.common.errors import NarrowcastError\ntry:\n"
    tried = "".join(f"    {line}\n" for line in UNCAUGHT.format(conf=3).splitlines())
    told = "except NarrowcastError as error:\n    print(type(error).__name__)\n"
    done = run(tmp_path, caught + tried + told)
    assert (done.returncode, done.stdout, done.stderr) == (0, "UsageError\n", "")


def test_a_thread_gets_the_plain_error() -> None:
    """SystemExit would end a thread without a word."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        error = pool.submit(lambda: MixedPrecision()()).exception()
    assert isinstance(error, UsageError | ModelError)
    assert not isinstance(error, SystemExit)


def test_a_framework_that_the_model_tells_is_the_command_lines(tmp_path: Path) -> None:
    spec = tmp_path / "conf.yaml"
    spec.write_text("model: {name: net, framework: NA}\n", "utf-8")
    converter = MixedPrecision(spec)
    converter.model = "net.onnx"
    command = ["-m", "narrowcast", "generate", "conf.yaml", "--framework", "onnx"]
    subprocess.run([sys.executable, *command], cwd=tmp_path, check=True)
    written = (tmp_path / "convert_net.py").read_text("utf-8")
    assert converter.script == written
    assert "# regenerate: narrowcast generate conf.yaml --framework onnx" in written


def test_a_session_at_a_prompt_goes_on(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-i", "-q"],
        input="from narrowcast import MixedPrecision\nMixedPrecision()()\nprint(6 * 7)\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "there is no model yet" in said.stderr
    assert said.stdout == "42\n"


def test_what_has_no_effect_can_not_be_set() -> None:
    converter = MixedPrecision()
    with pytest.raises(AttributeError, match=r"no `eval_dataLoader`. Did you mean"):
        converter.eval_dataLoader = []  # type: ignore[attr-defined]


def test_a_function_that_scores_comes_before_a_metric() -> None:
    converter = MixedPrecision({"model": {**MODEL, "path": "net.onnx"}})
    converter.metric = Right()
    converter.eval_func = lambda model: 1.0
    assert "scored_by(eval_func" in converter.script
    assert "metric: " not in converter.script


def test_imports_are_found_where_they_were() -> None:
    from narrowcast.experimental.common import DataLoader
    from narrowcast.experimental.mixed_precision import MixedPrecision as Theirs

    assert DataLoader is common.DataLoader
    assert Theirs is MixedPrecision


@pytest.mark.parametrize("size", [None, True, 0, 1.5])
def test_a_batch_is_a_number_of_samples(size: Any) -> None:
    with pytest.raises(UsageError, match="batch_size is"):
        common.DataLoader([(ROWS, 1)], batch_size=size)


def test_drift_beside_a_function_that_scores_models_is_refused() -> None:
    criterion = {"accuracy_criterion": {"drift": {"kl": 1}}}
    converter = MixedPrecision({"model": MODEL, "tuning": criterion})
    assert "subject.judged_by(metric, CRITERION, DRIFT)" in converter.script
    converter.eval_func = lambda model: 1.0
    with pytest.raises(UsageError, match="there are no outputs for"):
        _ = converter.script
