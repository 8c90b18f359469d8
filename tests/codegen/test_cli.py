"""`narrowcast generate` and `validate`: what is written where, and what is left alone."""

import ast
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import pytest
from nightly import some
from typer.testing import CliRunner, Result

from narrowcast import __version__
from narrowcast.cli import app

SPEC = """\
model:
  name: net
  framework: pytorch
  factory: pkg.net:make
  weights: weights/net.pt
  inputs: [{name: x, shape: [batch, 4]}]
mixed_precision:
  precisions: bf16
  op_wise:
    b: &fp32 {activation: {dtype: fp32}}
    a: *fp32
evaluation:
  accuracy:
    metric: {python: pkg.data:Score, args: {z: 1, y: {b: 1, a: 2}}}
    dataloader: {dataset: {npz: {path: ../net.npz, inputs: x, label: y}}}
"""
OTHER = SPEC.replace("z: 1", "z: 2")
NAME = "convert_net.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec in it."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def narrowcast(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def state(folder: Path) -> Mapping[Path, tuple[bytes, int]]:
    """All files with their content and time of writing."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# Same bytes


@pytest.mark.parametrize(
    ("seed", "cwd", "absolute"),
    some(product(["1", "2"], ["a/b", "."], [False, True]), every=5, several=True),
)
def test_same_bytes(folder: Path, seed: str, cwd: str, absolute: bool) -> None:
    narrowcast("generate", "spec.yaml", "-o", "reference.py")
    spec = folder / "spec.yaml"
    start = folder / cwd
    start.mkdir(parents=True, exist_ok=True)
    given = str(spec) if absolute else os.path.relpath(spec, start)
    output = os.path.relpath(folder / "reference.py", start)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "narrowcast",
            "generate",
            given,
            "-o",
            output,
            "--check",
        ],
        cwd=start,
        env=os.environ | {"PYTHONHASHSEED": seed},
        check=True,
    )


def test_order_of_keys_changes_nothing(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    body = SPEC.replace("{z: 1, y: {b: 1, a: 2}}", "{y: {b: 1, a: 2}, z: 1}")
    (folder / "spec.yaml").write_text(body)
    assert narrowcast("generate", "spec.yaml", "--check").exit_code == 0


def test_generating_again_touches_nothing(folder: Path) -> None:
    assert narrowcast("generate", "spec.yaml").output == f"wrote {NAME}\n"
    before = state(folder)
    assert narrowcast("generate", "spec.yaml").output == f"unchanged: {NAME}\n"
    assert state(folder) == before


# --check and --diff


def test_check_is_content_with_what_was_generated(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    before = state(folder)
    result = narrowcast("generate", "spec.yaml", "--check")
    assert (result.exit_code, result.output) == (0, "")
    assert state(folder) == before


def test_diff_of_what_was_generated_is_empty(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    result = narrowcast("generate", "spec.yaml", "--diff")
    assert (result.exit_code, result.output) == (0, "")


def test_check_finds_drift_of_the_spec(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    (folder / "spec.yaml").write_text(OTHER)
    before = state(folder)
    result = narrowcast("generate", "spec.yaml", "--check")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert NAME in result.stderr
    assert "--diff" in result.stderr
    assert state(folder) == before


def test_check_finds_a_changed_script(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    with (folder / NAME).open("a") as file:
        file.write("\n")
    assert narrowcast("generate", "spec.yaml", "--check").exit_code == 1


def test_diff_is_unified(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    (folder / "spec.yaml").write_text(OTHER)
    before = state(folder)
    result = narrowcast("generate", "spec.yaml", "--diff")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"--- {NAME}", f"+++ {NAME} (generated)"]
    assert '-    return Score(y={"b": 1, "a": 2}, z=1)' in lines
    assert '+    return Score(y={"b": 1, "a": 2}, z=2)' in lines
    assert state(folder) == before


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_missing_script_is_drift(folder: Path, option: str) -> None:
    before = state(folder)
    result = narrowcast("generate", "spec.yaml", option, "-o", "new/script.py")
    assert result.exit_code == 1
    assert state(folder) == before
    assert not (folder / "new").exists()
    if option == "--diff":
        assert result.stdout.startswith(
            "--- /dev/null\n+++ new/script.py (generated)\n"
        )


# Writing


def test_script_stands_beside_the_spec(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "spec.yaml").rename(folder / "sub/spec.yaml")
    assert narrowcast("generate", "sub/spec.yaml").exit_code == 0
    assert (folder / "sub" / NAME).exists()


@pytest.mark.parametrize("content", ["import os\n", "", "\ufeff# Code generated by x"])
def test_file_of_the_users_is_left_alone(folder: Path, content: str) -> None:
    (folder / NAME).write_text(content, "utf-8")
    result = narrowcast("generate", "spec.yaml")
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert (folder / NAME).read_text("utf-8") == content


def test_force_overwrites_a_file_of_the_users(folder: Path) -> None:
    (folder / NAME).write_text("import os\n")
    assert narrowcast("generate", "spec.yaml", "--force").exit_code == 0
    assert (folder / NAME).read_text().startswith("# Code generated by narrowcast ")


def test_script_of_another_version_is_overwritten(folder: Path) -> None:
    (folder / NAME).write_text("# Code generated by narrowcast 0.0.1. DO NOT EDIT.\n")
    assert narrowcast("generate", "spec.yaml").exit_code == 0
    assert f"narrowcast {__version__}." in (folder / NAME).read_text()


def test_only_the_script_is_written(folder: Path) -> None:
    narrowcast("generate", "spec.yaml", "-o", "a/b/script.py")
    files = {path.relative_to(folder).as_posix() for path in state(folder)}
    assert files == {"spec.yaml", "a/b/script.py"}


def test_script_is_readable_by_others(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    assert (folder / NAME).stat().st_mode & 0o777 == 0o644


@pytest.fixture
def mere_user() -> Iterator[None]:
    """Not root, whom permissions don't stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that can be entered by all and written by nobody, with a secret in it."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "secret.yaml").touch(mode=0)
    opened = [one for one in folder.parents if one.stat().st_mode & 0o777 == 0o700]
    for one in opened:
        one.chmod(0o755)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    for one in opened:
        one.chmod(0o700)


def test_nothing_is_left_in_a_folder_that_cant_be_written(
    read_only: Path, mere_user: None
) -> None:
    result = narrowcast("generate", str(read_only / "spec.yaml"))
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"error[NC901]: can't write {read_only / NAME}: Permission denied\n"
    )
    assert {path.name for path in read_only.iterdir()} == {"spec.yaml", "secret.yaml"}


def test_script_stays_whole_where_the_new_one_does_not_fit(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    (folder / "spec.yaml").write_text(OTHER)
    before = state(folder)
    limit = (1000, 1000)
    done = subprocess.run(
        [sys.executable, "-B", "-m", "narrowcast", "generate", "spec.yaml"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == f"error[NC901]: can't write {NAME}: File too large\n"
    assert state(folder) == before


def test_nothing_is_left_where_the_script_cant_be_put(folder: Path) -> None:
    (folder / "file").touch()
    result = narrowcast("generate", "spec.yaml", "-o", "file/script.py")
    assert result.exit_code == 2
    assert result.stderr == "error[NC901]: can't read file/script.py: Not a directory\n"
    assert {path.name for path in folder.iterdir()} == {"spec.yaml", "file"}


def test_folder_in_the_scripts_place(folder: Path) -> None:
    (folder / NAME).mkdir()
    result = narrowcast("generate", "spec.yaml")
    assert result.exit_code == 2
    assert NAME in result.stderr
    assert {path.name for path in folder.iterdir()} == {"spec.yaml", NAME}


def test_file_that_is_no_text(folder: Path) -> None:
    (folder / NAME).write_bytes(b"\xff\x00")
    result = narrowcast("generate", "spec.yaml")
    assert result.exit_code == 2
    assert (
        result.stderr == f"error[NC903]: {NAME} is not UTF-8 text; name another file\n"
    )
    assert (folder / NAME).read_bytes() == b"\xff\x00"


# -o


def paths(script: Path) -> set[str]:
    """What a script joins to the folder it is in."""
    tree = ast.parse(script.read_text("utf-8"))
    found = (
        node.right.value
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and ast.unparse(node.left) == "HERE"
        if isinstance(node.right, ast.Constant)
    )
    return {str(path) for path in found}


def test_paths_are_the_specs_own_beside_it(folder: Path) -> None:
    narrowcast("generate", "spec.yaml")
    assert paths(folder / NAME) == {"weights/net.pt", "../net.npz"}


@pytest.mark.parametrize(
    ("output", "rebased", "source"),
    [
        ("script.py", {"weights/net.pt", "../net.npz"}, "spec.yaml"),
        (
            "deep/er/s.py",
            {"../../weights/net.pt", "../../../net.npz"},
            "../../spec.yaml",
        ),
    ],
)
def test_paths_are_rebased(
    folder: Path, output: str, rebased: set[str], source: str
) -> None:
    narrowcast("generate", "spec.yaml", "-o", output)
    assert paths(folder / output) == rebased
    header = (folder / output).read_text().splitlines()[1:3]
    name = Path(output).name
    assert header == [
        f"# source: {source}",
        f"# regenerate: narrowcast generate {source} -o {name}",
    ]


def test_paths_hold_in_the_folder_that_a_link_leads_to(folder: Path) -> None:
    """A script resolves links to find its folder."""
    (folder / "real/er").mkdir(parents=True)
    (folder / "link").symlink_to("real/er")
    narrowcast("generate", "spec.yaml", "-o", "link/script.py")
    assert paths(folder / "real/er/script.py") == {
        "../../weights/net.pt",
        "../../../net.npz",
    }


def test_header_regenerates_the_script(folder: Path) -> None:
    """The command, run by a shell in the script's folder."""
    odd = folder / 'it\'s a "spec" & $HOME.yaml'
    (folder / "spec.yaml").rename(odd)
    (folder / "out").mkdir()
    narrowcast("generate", odd.name, "-o", "out/my script.py")
    script = folder / "out/my script.py"
    command = (
        script.read_text().splitlines()[2].removeprefix("# regenerate: narrowcast ")
    )
    script.write_text(script.read_text() + "# changed\n")
    subprocess.run(
        f"{sys.executable} -m narrowcast {command}",
        shell=True,
        cwd=folder / "out",
        check=True,
        capture_output=True,
    )
    assert narrowcast("generate", odd.name, "-o", str(script), "--check").exit_code == 0


def test_absolute_paths_stay(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("../net.npz", "/data/net.npz"))
    result = narrowcast("generate", "spec.yaml", "-o", "a/script.py")
    assert paths(folder / "a/script.py") == {"../weights/net.pt", "/data/net.npz"}
    assert "is absolute" in result.stderr


# The spec's file


@pytest.mark.parametrize("command", ["generate", "validate"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "s.yaml: error[NC101]: no such file\n"),
        (
            "folder",
            "error[NC801]: s.yaml holds no spec\n"
            "  A spec is a .yaml or .yml file with `model:` in it.\n",
        ),
        (
            b"",
            "s.yaml:1:1: error[NC109]: the spec is empty\n"
            "    hint: write at least `model:`\n",
        ),
        (
            b"model: \xff\n",
            "s.yaml:1:8: error[NC102]: not UTF-8: byte 0xff\n    model:\n           ^\n"
            "    hint: save the file as UTF-8\n",
        ),
    ],
    ids=["missing", "folder", "empty", "not UTF-8"],
)
def test_unreadable_spec(
    folder: Path, command: str, content: str | bytes | None, message: str
) -> None:
    path = folder / "s.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    before = state(folder)
    result = narrowcast(command, "s.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == message
    assert state(folder) == before


def test_spec_that_may_not_be_read(read_only: Path, mere_user: None) -> None:
    secret = read_only / "secret.yaml"
    result = narrowcast("validate", str(secret))
    assert result.exit_code == 2
    assert (
        result.stderr == f"{secret}: error[NC101]: can't be read: Permission denied\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "two words.yaml",
        "it's.yaml",
        '"q".yaml',
        "{{ x }}%s.yaml",
        "größe#.yaml",
        "a\\b.yaml",
    ],
)
def test_odd_name_of_a_spec(folder: Path, name: str) -> None:
    (folder / "spec.yaml").rename(folder / name)
    assert narrowcast("generate", name).exit_code == 0
    text = (folder / NAME).read_text("utf-8")
    assert text.splitlines()[1] == f"# source: {name}"
    compile(text, NAME, "exec", dont_inherit=True)


@pytest.mark.parametrize("command", [("generate",), ("generate", "--check")])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("new\nline.yaml", "is not printable"),
        ("line\u2028separator.yaml", "is not printable"),
        ("by\udcffte.yaml", "is not printable"),
        ("coding: latin-1.yaml", "an encoding"),
        ("vim: fileencoding=utf-7.yaml", "an encoding"),
    ],
)
def test_name_that_no_comment_can_hold(
    folder: Path, command: tuple[str, ...], name: str, reason: str
) -> None:
    (folder / "spec.yaml").rename(folder / name)
    before = state(folder)
    result = narrowcast(*command, name, "-o", "script.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert repr(name) in result.stderr
    assert reason in result.stderr
    assert "rename it" in result.stderr
    assert state(folder) == before


def test_validate_writes_nothing(folder: Path) -> None:
    before = state(folder)
    result = narrowcast("validate", "spec.yaml")
    assert (result.exit_code, result.output) == (0, "spec.yaml is valid\n")
    assert state(folder) == before


def test_validate_names_mistakes(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("evaluation:", "evalution:"))
    result = narrowcast("validate", "spec.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "spec.yaml:12:1: error[NC201]: evalution: unknown key\n"
    )


def test_notices_go_to_stderr(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("  precisions: bf16\n", ""))
    result = narrowcast("generate", "spec.yaml")
    assert result.stdout == f"wrote {NAME}\n"
    assert result.stderr == (
        "spec.yaml:7:1: note[NC351]: mixed_precision.precisions is not written: bf16\n"
    )


def test_strict_takes_notes_for_errors(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("  precisions: bf16\n", ""))
    before = state(folder)
    for command in ("validate", "generate", "run"):
        result = narrowcast(command, "spec.yaml", "--strict")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(
            "spec.yaml:7:1: error[NC351]: mixed_precision.precisions: is not written: bf16\n"
        )
        assert result.stderr.endswith("    hint: precisions: bf16\n")
    assert state(folder) == before


OPEN = "model: {name: net, path: FILE}\nmixed_precision: {precisions: bf16}\n"


@pytest.mark.parametrize(
    ("file", "options", "framework"),
    [
        ("net.onnx", (), "onnx"),
        ("net.pt2", (), "pytorch"),
        ("net.pb", (), "tensorflow"),
        ("folder", (), "tensorflow"),
        ("net", ("--framework", "tensorflow_itex"), "tensorflow"),
    ],
)
def test_the_framework_is_told(
    folder: Path, file: str, options: tuple[str, ...], framework: str
) -> None:
    """By the model's file where the spec does not say it, or by the command line."""
    for word in ("", ", framework: NA"):
        text = OPEN.replace("FILE", file + word)
        (folder / "spec.yaml").write_text(text)
        result = narrowcast("generate", "spec.yaml", *options, "-o", "a.py")
        assert result.exit_code == 0, result.stderr
        script = (folder / "a.py").read_text()
        assert f"runtime.frameworks.{framework}" in script


@pytest.mark.parametrize("command", ["validate", "generate", "run", "migrate"])
def test_an_empty_word_is_no_framework(folder: Path, command: str) -> None:
    result = narrowcast(command, "spec.yaml", "--framework", "")
    assert result.exit_code == 2
    assert "'--framework': it is empty" in result.stderr


def test_a_script_says_how_its_framework_was_told(folder: Path) -> None:
    (folder / "spec.yaml").write_text(OPEN.replace("FILE", "net.xyz"))
    told = ("--framework", "tensorflow", "-o", "a.py")
    assert narrowcast("generate", "spec.yaml", *told).exit_code == 0
    (line,) = (
        line.removeprefix("# regenerate: narrowcast ")
        for line in (folder / "a.py").read_text().splitlines()
        if line.startswith("# regenerate: ")
    )
    assert line == "generate spec.yaml -o a.py --framework tensorflow"
    assert narrowcast(*line.split(), "--check").exit_code == 0


def test_a_framework_that_nothing_tells_is_asked_for(folder: Path) -> None:
    (folder / "spec.yaml").write_text("model: {name: net, framework: NA}\n")
    result = narrowcast("generate", "spec.yaml")
    assert result.exit_code == 2
    assert "give it as --framework" in result.stderr
    result = narrowcast("validate", "spec.yaml")
    assert result.exit_code == 0
    assert (
        "note[NC351]: model.framework is not written: valid for pytorch, tensorflow, mxnet, "
        "onnx; generate takes --framework"
    ) in result.stderr
    (folder / "spec.yaml").write_text("model: {name: net, signature: predict}\n")
    assert "valid for tensorflow;" in narrowcast("validate", "spec.yaml").stderr
    (folder / "spec.yaml").write_text("model: {name: net, signature: 1}\n")
    assert narrowcast("validate", "spec.yaml").exit_code == 2


def test_a_framework_contradicts_the_specs(folder: Path) -> None:
    result = narrowcast("validate", "spec.yaml", "--framework", "onnx")
    assert result.exit_code == 2
    assert "model.framework: is pytorch, but --framework says onnx" in result.stderr
    result = narrowcast("validate", "spec.yaml", "--framework", "pytoch")
    assert result.exit_code == 2
    assert "--framework pytoch is not known" in result.stderr


def test_version() -> None:
    assert narrowcast("--version").stdout == f"narrowcast {__version__}\n"
