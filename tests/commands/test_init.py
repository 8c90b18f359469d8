"""`narrowcast init`: a first spec, valid and commented, of what a model's file tells.

After a change that is meant: `REGENERATE=1 pytest tests/commands/test_init.py`, then
`git diff`.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from narrowcast.cli import app
from narrowcast.looking.files import member
from narrowcast.runtime.common.errors import ModelError
from narrowcast.spec import load, loads

HERE = Path(__file__).parent
MODELS = HERE / "models"
BEGINNINGS = HERE / "beginnings"
SCHEMA = "narrowcast.schema.json"

CASES: Mapping[str, tuple[str, ...]] = {
    "pytorch_exported": ("--model", "models/nested.pt2"),
    "pytorch_factory": ("--model", "nets.net:build", "--framework", "pytorch"),
    "pytorch_weights": (
        *("--model", "nets.net:build", "--framework", "pytorch"),
        *("--weights", "models/net.safetensors", "--precisions", "both"),
    ),
    "tensorflow_keras": ("--model", "models/two.keras"),
    "mxnet_exported": ("--model", "models/block-symbol.json"),
    "mxnet_symbol": ("--model", "models/net-symbol.json"),
    "onnx_supplied": ("--name", "resnet 50", "--framework", "onnx"),
    "onnx_runtime": (
        *("--name", "yes", "--framework", "onnx"),
        *("--runtime", "onnxruntime", "--no-schema"),
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with models in it."""
    (tmp_path / "models").mkdir()
    for model in MODELS.iterdir():
        (tmp_path / "models" / model.name).write_bytes(model.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str, given: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["init", *arguments], input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize("case", CASES)
def test_beginnings(folder: Path, case: str) -> None:
    result = init(*CASES[case], "-o", "spec.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(
        "wrote spec.yaml\nnext: narrowcast generate spec.yaml\n"
    )
    text = (folder / "spec.yaml").read_text("utf-8")
    golden = BEGINNINGS / f"{case}.yaml"
    if "REGENERATE" in os.environ:
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_first_line_is_for_editors(case: str) -> None:
    first = (BEGINNINGS / f"{case}.yaml").read_text("utf-8").splitlines()[0]
    without = "--no-schema" in CASES[case]
    assert first.startswith("# yaml-language-server: $schema=./") != without


@pytest.mark.parametrize("case", CASES)
def test_each_comment_that_is_an_example_may_be_one(case: str) -> None:
    """With all that is commented out put in, it is a spec still."""
    text = (BEGINNINGS / f"{case}.yaml").read_text("utf-8")
    example = re.compile(r"^( *)# (?=( *)[\w]+:( |$))", re.MULTILINE)
    written = example.sub(r"\1", text)
    written = re.sub(
        r"^ *(What each key|metrics|What goes in).*\n", "", written, flags=re.M
    )
    spec = loads(written)
    assert "evaluation" in written and spec.evaluation.metric is not None
    assert spec.pins.names and spec.pins.types


@pytest.mark.parametrize("case", CASES)
def test_it_is_valid_and_generates(folder: Path, case: str) -> None:
    init(*CASES[case], "-o", "spec.yaml")
    result = CliRunner().invoke(app, ["generate", "spec.yaml", "--strict"])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_schema_lies_beside_it(folder: Path) -> None:
    assert init(*CASES["onnx_supplied"]).stdout == (
        f"wrote {SCHEMA}\nwrote resnet_50.yaml\nnext: narrowcast generate resnet_50.yaml\n"
    )
    text = (folder / SCHEMA).read_text("utf-8")
    assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"
    (folder / SCHEMA).write_text(
        text.replace("What is converted.", "Of another version.")
    )
    before = (folder / SCHEMA).read_bytes()
    assert init("--name", "b", "--framework", "onnx").exit_code == 0
    assert (folder / SCHEMA).read_bytes() == before
    (folder / SCHEMA).write_text("{}")
    refused = init("--name", "c", "--framework", "onnx")
    assert (refused.exit_code, (folder / "c.yaml").exists()) == (2, False)
    assert "--no-schema" in refused.stderr


# What is there stays


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder", "pipe"])
def test_nothing_is_overwritten(folder: Path, kind: str) -> None:
    path, other = folder / "a.yaml", folder / "other"
    make: Mapping[str, Callable[[], object]] = {
        "file": lambda: path.write_text("mine\n"),
        "link": lambda: (other.write_text("mine\n"), path.symlink_to(other)),
        "dangling": lambda: path.symlink_to(other),
        "folder": lambda: path.mkdir(),
        "pipe": lambda: os.mkfifo(path),
    }
    make[kind]()
    before = sorted(folder.iterdir())
    result = init("--name", "a", "--framework", "onnx")
    assert result.exit_code == 2
    assert "a.yaml is there already" in result.stderr
    assert sorted(folder.iterdir()) == before
    assert kind != "link" or other.read_text() == "mine\n"


# int8


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet", "onnx"])
@pytest.mark.parametrize("precisions", ["int8", "int8,bf16"])
def test_int8_is_begun_with_how_it_is_made(
    folder: Path, framework: str, precisions: str
) -> None:
    made = init("--name", "a", "--framework", framework, "--precisions", precisions)
    assert made.exit_code == 0, made.stderr
    spec = load(folder / "a.yaml")
    assert spec.precisions == ("bf16",) and spec.quantization is not None
    assert "sampling_size: 100" in (folder / "a.yaml").read_text("utf-8")


# What is missing


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--model is missing"),
        (("--name", "a"), "--model is missing"),
        (("--model", "a.b:c"), "--framework is missing"),
        (
            ("--model", "a.b:c", "--framework", "torch"),
            "--framework torch is not known",
        ),
        (("--model", "missing.onnx"), "missing.onnx does not exist"),
        (("--model", "models/x.safetensors"), "does not exist"),
        (("--name", "/", "--framework", "onnx"), "--name '/' makes no file name"),
        (
            ("--name", "a", "--framework", "onnx", "--precisions", "int4"),
            "--precisions",
        ),
        (
            ("--name", "a", "--framework", "mxnet", "--runtime", "any"),
            "--runtime is for",
        ),
        (("--name", "a", "--framework", "mxnet", "--precisions", "fp16"), "MXNet"),
    ],
)
def test_what_is_missing_is_named(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(folder.iterdir())
    result = init(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert sorted(folder.iterdir()) == before


def test_a_package_that_is_missing_is_a_requirement(folder: Path) -> None:
    (folder / "net.onnx").write_bytes(b"\x08\x07")
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from narrowcast.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "init", "--model", "net.onnx"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3
    assert "pip install onnx, or leave the inputs out with --no-look" in done.stderr
    assert init("--model", "net.onnx", "--no-look").exit_code == 0
    assert load(folder / "net.yaml").model.inputs == ()


# Files from anywhere


def archive(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.keras", b""),
        ("a.keras", b"no zip"),
        ("a.keras", {"other.json": "{}"}),
        ("a.keras", {"config.json": "{"}),
        ("a.keras", {"config.json": "[" * 100_000}),
        ("a.keras", {"config.json": "[]"}),
        ("a.keras", {"config.json": b" " * ((1 << 26) + 1)}),
        ("a.pt2", {"a/models/model.json": "{}"}),
        ("a.pt2", {"a/models/model.json": "[1]"}),
        ("a.pt2", {"a/models/model.json": "{}", "b/models/model.json": "{}"}),
        ("a.pt2", {"a/data.pkl": b"cos\nsystem\n(S'touch pwned'\ntR."}),
        ("a-symbol.json", b"{}"),
        ("a-symbol.json", b'{"nodes": [{"op": "null"}], "heads": [[9, 0, 0]]}'),
        ("a-symbol.json", b'{"nodes": 3, "heads": []}'),
        ("a.pth", b"PK"),
        ("a.txt", b"x"),
    ],
)
def test_a_damaged_model_is_refused(
    folder: Path, name: str, content: bytes | Mapping[str, str | bytes]
) -> None:
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        archive(folder / name, content)
    before = sorted(folder.iterdir())
    result = init("--model", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error[NC4")
    assert sorted(folder.iterdir()) == before


def test_what_a_model_calls_its_inputs_is_text(folder: Path) -> None:
    """Names that would be YAML, comments, or more keys."""
    names = [
        "a: b",
        "x\ntrust: true",
        "#",
        "yes",
        "1e-3",
        "{",
        "é",
        "010",
        "'",
        "\\",
        "a#",
    ]
    nodes = [{"op": "null", "name": name, "inputs": []} for name in names]
    nodes.append({"op": "Concat", "name": "- x", "inputs": []})
    data = {"nodes": nodes, "heads": [[len(names), 0, 0]]}
    (folder / "a-symbol.json").write_text(json.dumps(data))
    assert init("--model", "a-symbol.json").exit_code == 0
    spec = load(folder / "a.yaml")
    assert not spec.model.trust
    if spec.model.inputs:
        assert [each.name for each in spec.model.inputs] == names
    names.remove("x\ntrust: true")
    data["nodes"] = [{"op": "null", "name": name, "inputs": []} for name in names]
    data["nodes"].append({"op": "Concat", "name": "- x", "inputs": []})
    data["heads"] = [[len(names), 0, 0]]
    (folder / "b-symbol.json").write_text(json.dumps(data))
    assert init("--model", "b-symbol.json").exit_code == 0
    spec = load(folder / "b.yaml")
    assert [each.name for each in spec.model.inputs] == names
    assert spec.model.outputs == ("- x_output",)
    text = yaml.safe_load((folder / "b.yaml").read_text("utf-8"))
    assert len(text["model"]["inputs"]) == len(names)


def test_inputs_that_no_spec_can_name_are_left_out_and_that_is_said(
    folder: Path,
) -> None:
    data = {"nodes": [{"op": "null", "name": "a\x07b"}], "heads": [[0, 0, 0]]}
    (folder / "a-symbol.json").write_text(json.dumps(data))
    assert init("--model", "a-symbol.json").exit_code == 0
    text = (folder / "a.yaml").read_text("utf-8")
    assert "# Inputs and outputs are left out: model.inputs[0].name:" in text
    assert load(folder / "a.yaml").model.inputs == ()


@pytest.mark.parametrize(
    "name", ["two words", "größe", "-o", "yes", "1e3", "a#b", "{}"]
)
def test_odd_names_of_files(folder: Path, name: str) -> None:
    path = folder / f"{name}.keras"
    path.write_bytes((MODELS / "two.keras").read_bytes())
    assert init(f"--model=./{name}.keras", "--name", "net").exit_code == 0
    assert load(folder / "net.yaml").model.path == f"{name}.keras"


def test_paths_are_relative_to_the_spec(folder: Path) -> None:
    model = str(folder / "models/two.keras")
    assert init("--model", model, "-o", "deep/er/a.yaml").exit_code == 0
    assert load("deep/er/a.yaml").model.path == "../../models/two.keras"


# On a terminal


def test_questions(folder: Path) -> None:
    """A terminal of its own: what is not given is asked for."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "narrowcast", "init"],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    )
    os.close(follower)
    os.write(leader, b"models/two.keras\n\nboth\n")
    out, _ = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0
    assert "wrote two.yaml" in out
    assert load(folder / "two.yaml").precisions == ("bf16", "fp16")


@pytest.mark.parametrize(("count", "said"), [(0, "no"), (2, "several")])
def test_an_archive_without_the_one_member_is_not_called_damaged(
    tmp_path: Path, count: int, said: str
) -> None:
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "")
        for number in range(count):
            archive.writestr(f"part{number}/config.json", "{}")
    with pytest.raises(ModelError) as caught:
        member(path, "/config.json")
    assert caught.value.message == f"{path} has {said} config.json in it"
