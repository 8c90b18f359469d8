"""Specs in Neural Compressor 1.x's dialect: each validates and generates a script."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCUMENTS, FOLDER, Document

import narrowcast
from narrowcast.codegen import compile_script, render
from narrowcast.spec import SpecError, canonical, loads

UNTYPED = """\
[mypy]
[mypy-torch.*,tensorflow.*,keras.*,mxnet.*,onnx.*,onnx_ir.*,onnxruntime.*,openvino.*]
ignore_missing_imports = True
[mypy-narrowcast.*]
follow_imports = silent
"""
RULES = ("--select", "E,F,W,I,B,UP,SIM,RUF,C4,PIE,RET", "--ignore", "E501")

STUBS = {
    "__init__": "",
    "metrics": "class Recall:\n"
    "    def __init__(self, k: int) -> None: ...\n"
    "    def update(self, predictions: object, labels: object) -> None: ...\n"
    "    def reset(self) -> None: ...\n"
    "    def result(self) -> float: ...\n",
    "scores": "def evaluate(model: object) -> float: ...\n",
    "nets": "from typing import Any\ndef Net() -> Any: ...\n",
    "digits": "from typing import Any\ndef LeNet() -> Any: ...\n",
    "data": "class Sentences:\n"
    "    def __getitem__(self, index: int) -> tuple[str, str]: ...\n"
    "    def __len__(self) -> int: ...\n",
}
"""The user's modules."""

each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)


def script(document: Document) -> str:
    """The script that is generated."""
    spec = loads(document.text, "spec.yaml", framework=document.framework)
    return render(compile_script(spec, Path("/a/spec.yaml"), Path("/a/script.py")))


def test_there_are_many() -> None:
    assert len(DOCUMENTS) >= 80
    assert len({one.module for one in DOCUMENTS}) == len(DOCUMENTS)
    assert all(one.text.startswith("# ") for one in DOCUMENTS)
    assert len(list(FOLDER.glob("*.yaml"))) <= 12


@each
def test_a_document_validates_and_generates(document: Document) -> None:
    compile(script(document), document.module, "exec", dont_inherit=True)


@each
def test_notes_have_the_place_of_what_they_speak_of(document: Document) -> None:
    spec = loads(document.text, "spec.yaml", framework=document.framework)
    lines = document.text.splitlines()
    for notice in spec.notices:
        assert notice.severity == "note"
        said = f"{notice.path} {notice.message}"
        last = notice.path.rpartition(".")[2]
        unwritten = "is not written" in notice.message
        at = lines[notice.line - 1][notice.column - 1 :]
        assert (
            unwritten
            or at.lstrip("'\"").startswith(last.split("[")[0])
            or ("[" in last)
        ), said


def test_each_is_noted_once() -> None:
    for document in DOCUMENTS:
        spec = loads(document.text, framework=document.framework)
        paths = [notice.path for notice in spec.notices]
        assert len(set(paths)) == len(paths), document.name


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all scripts."""
    folder = tmp_path_factory.mktemp("scripts")
    for document in DOCUMENTS:
        (folder / f"{document.module}.py").write_text(script(document), "utf-8")
    return folder


def tool(*arguments: str, cwd: Path, **environ: str) -> None:
    """Run a tool that must have nothing to say."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rules", [(), RULES], ids=["default rules", "more rules"])
def test_ruff_has_nothing_to_say(scripts: Path, rules: tuple[str, ...]) -> None:
    tool("ruff", "check", "--isolated", "--no-cache", *rules, ".", cwd=scripts)


@pytest.mark.nightly
def test_mypy_is_content(scripts: Path) -> None:
    """One process for all; frameworks and the user's modules have no types here."""
    (scripts / "mypy.ini").write_text(UNTYPED)
    (scripts / "zoo").mkdir()
    for name, stub in STUBS.items():
        (scripts / "zoo" / f"{name}.pyi").write_text(stub)
    package = Path(narrowcast.__file__).parents[1]
    path = {} if "site-packages" in str(package) else {"MYPYPATH": str(package)}
    tool("mypy", "--strict", "--config-file=mypy.ini", ".", cwd=scripts, **path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tuning: {strategy: {nam: basic}}", "did you mean `name`?"),
        ("tuning: {diagnosis: {op_lists: []}}", "did you mean `op_list`?"),
        ("quantization: {recipes: {fast_bias: yes}}", "fast_bias_correction"),
        ("quantization: {calibration: {sample_size: 1}}", "`sampling_size`"),
        (
            "evaluation: {performance: {config: {}}}",
            "did you mean `configs`?",
        ),
        (
            "evaluation: {accuracy: {configs: {cores: 4}}}",
            "evaluation.accuracy.configs.cores: unknown key",
        ),
        (
            "evaluation: {accuracy: {dataloader: {dataset: {ImageRecords: {}}}}}",
            "did you mean `ImageRecord`?",
        ),
        (
            "evaluation: {accuracy: {metric: {topk: 1}, multi_metrics: {MSE: {}}}}",
            "write one",
        ),
        (
            "evaluation: {accuracy: {multi_metrics: {MSE: {}, weight: [1, 2]}}}",
            "2 values for 1 metrics",
        ),
        (
            "evaluation: {accuracy: {metric: {F1: 3}}}",
            "expected a mapping, found 3",
        ),
        (
            "evaluation: {accuracy: {dataloader: {dataset: {npz: {path: a, inputs: x}}, "
            "filter: {LabelBalance: {size: 1}}}}}",
            "the filter counts the boxes of COCORaw and COCORecord",
        ),
        (
            "quantization: {op_wise: {activation: {dtype: [fp32]}}}",
            "a name or type of ops is missing above `activation`",
        ),
        (
            "tuning: {exit_policy: {performance_only: true}}\n"
            "mixed_precision: {precisions: 'bf16, fp16'}\nevaluation: {accuracy: {}}",
            "nothing says which is better",
        ),
    ],
)
def test_what_is_wrong_in_the_dialect_is_told(text: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(f"model: {{name: net, framework: tensorflow, path: net.pb}}\n{text}")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "{dataset: {bert: {root: a}}}",
            "{dataset: {bert: {root: b}}}",
        ),
        (
            "{dataset: {ImageRecord: {root: a}}, transform: {ToArray: {}, Rescale: {}}}",
            "{dataset: {ImageRecord: {root: a}}, transform: {Rescale: {}, ToArray: {}}}",
        ),
    ],
    ids=["parameters", "order of transforms"],
)
def test_how_data_is_read_is_part_of_what_a_spec_means(one: str, other: str) -> None:
    texts = [
        f"model: {{name: net, framework: tensorflow}}\n"
        f"evaluation: {{accuracy: {{dataloader: {loader}}}}}"
        for loader in (one, other)
    ]
    first, second = map(loads, texts)
    assert canonical(first) != canonical(second)


def test_all_defaults_that_are_written_are_noted_nowhere() -> None:
    (document,) = (one for one in DOCUMENTS if "all defaults written" in one.name)
    assert loads(document.text).notices == ()
