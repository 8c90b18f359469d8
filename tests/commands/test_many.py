"""Several specs and folders in one process, standard input and standard output."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from narrowcast.cli import app

SPEC = "model: {name: NAME, framework: onnx, runtime: openvino, path: NAME.onnx}\n"
PRECISIONS = "mixed_precision: {precisions: bf16}\n"


def spec(name: str) -> str:
    return SPEC.replace("NAME", name) + PRECISIONS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with specs, and what is none."""
    (tmp_path / "specs/deep").mkdir(parents=True)
    (tmp_path / "specs/.hidden").mkdir()
    for path in ("a.yaml", "specs/b.yml", "specs/deep/c.yaml", "specs/.hidden/d.yaml"):
        (tmp_path / path).write_text(spec(Path(path).stem))
    (tmp_path / "specs/compose.yaml").write_text("services: {model: x}\n")
    (tmp_path / "specs/notes.txt").write_text("model: x\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def narrowcast(*arguments: str, given: str | None = None) -> Result:
    result = CliRunner().invoke(app, arguments, input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def scripts(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def test_files_and_folders(folder: Path) -> None:
    result = narrowcast("generate", "a.yaml", "specs", "specs/b.yml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "wrote convert_a.py",
        "wrote specs/convert_b.py",
        "wrote specs/deep/convert_c.py",
    ]
    assert narrowcast("generate", ".", "--check").exit_code == 0


def test_what_is_written_is_what_a_process_for_each_writes(folder: Path) -> None:
    narrowcast("generate", ".")
    together = {name: (folder / name).read_text() for name in scripts(folder)}
    for each in ("a.yaml", "specs/b.yml", "specs/deep/c.yaml"):
        assert narrowcast("generate", each, "--check").exit_code == 0
    assert set(together) == {
        "convert_a.py",
        "specs/convert_b.py",
        "specs/deep/convert_c.py",
    }


def test_one_that_fails_stops_no_other(folder: Path) -> None:
    (folder / "specs/b.yml").write_text("model: {name: b, framework: onx}\n")
    result = narrowcast("generate", "specs", "a.yaml")
    assert result.exit_code == 2
    assert "specs/b.yml:1:29: error[NC205]: model.framework" in result.stderr
    assert result.stderr.endswith("1 of 3 specs failed\n")
    assert scripts(folder) == {"convert_a.py", "specs/deep/convert_c.py"}


def test_a_file_that_is_broken_counts_as_a_spec(folder: Path) -> None:
    (folder / "specs/b.yml").write_text("model: {name: [b\n")
    assert narrowcast("validate", "specs").exit_code == 2


def test_drift_of_one_is_drift_and_a_failure_is_worse(folder: Path) -> None:
    narrowcast("generate", ".")
    (folder / "a.yaml").write_text(spec("a").replace("bf16", "[bf16, fp32]"))
    (folder / "specs/b.yml").write_text(spec("b").replace("b.onnx", "z.onnx"))
    result = narrowcast("generate", ".", "--check")
    assert result.exit_code == 1
    said = "specs/convert_b.py: error[NC911]: it is not what specs/b.yml"
    assert result.stderr.startswith(said)
    diff = narrowcast("generate", ".", "--diff")
    assert diff.exit_code == 1
    assert diff.stdout.startswith("--- specs/convert_b.py\n")
    (folder / "a.yaml").write_text("model: {}\n")
    assert narrowcast("generate", ".", "--check").exit_code == 2


def test_a_script_that_is_not_there_is_said_to_be_missing(folder: Path) -> None:
    result = narrowcast("generate", "a.yaml", "--check", "--format", "github")
    assert result.exit_code == 1
    (line,) = (each for each in result.stderr.splitlines() if "NC911" in each)
    assert line.startswith("::error file=convert_")
    assert "there is no script of a.yaml" in line


def test_two_specs_of_one_script_are_refused(folder: Path) -> None:
    (folder / "specs/e.yaml").write_text(spec("b"))
    result = narrowcast("generate", "specs")
    assert result.exit_code == 2
    assert "specs/e.yaml and specs/b.yml both generate specs/convert_b.py" in (
        result.stderr
    )


def test_a_folder_without_specs_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = narrowcast("generate", "empty", "a.yaml")
    assert (result.exit_code, scripts(folder)) == (2, set())
    assert "empty holds no spec" in result.stderr


def test_one_output_is_of_one_spec(folder: Path) -> None:
    result = narrowcast("generate", "a.yaml", "specs", "-o", "out.py")
    assert (result.exit_code, scripts(folder)) == (2, set())
    assert "-o out.py is one file, and these are 3 specs" in result.stderr


def test_standard_output(folder: Path) -> None:
    narrowcast("generate", "a.yaml")
    text = (folder / "convert_a.py").read_text()
    result = narrowcast("generate", "a.yaml", "-o", "-")
    assert (result.exit_code, result.stdout) == (0, text)
    assert narrowcast("generate", "a.yaml", "-o", "-", "--check").exit_code == 2
    assert not (folder / "-").exists()


@pytest.mark.parametrize("command", ["generate", "validate"])
def test_standard_input(folder: Path, command: str) -> None:
    result = narrowcast(command, "-", given=spec("typed"))
    assert (result.exit_code, result.stderr) == (0, "")
    if command == "validate":
        assert result.stdout == "<stdin> is valid\n"
    else:
        header = (folder / "convert_typed.py").read_text().splitlines()[1:3]
        assert header == ["# source: -", "# regenerate: narrowcast generate -"]


@pytest.mark.parametrize("command", ["generate", "validate"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            b"model: {name: x, framework: onx}",
            ":1:29: error[NC205]: model.framework: unknown",
        ),
        (b"model: \xff", ":1:8: error[NC102]: not UTF-8: byte 0xff"),
        (b"", ":1:1: error[NC109]: the spec is empty"),
        (b"#" * 300_000, ": error[NC101]: a spec may not be larger than 256 KiB"),
    ],
)
def test_mistakes_on_standard_input(
    folder: Path, command: str, given: bytes, said: str
) -> None:
    result = CliRunner().invoke(app, [command, "-"], input=given)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"<stdin>{said}")


def test_from_pipe_to_pipe(folder: Path) -> None:
    result = narrowcast("generate", "-", "-o", "-", given=spec("typed"))
    assert result.exit_code == 0
    assert result.stdout.startswith("# Code generated by narrowcast ")
    assert scripts(folder) == set()


def test_validate_many(folder: Path) -> None:
    result = narrowcast("validate", ".")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "a.yaml is valid",
        "specs/b.yml is valid",
        "specs/deep/c.yaml is valid",
    ]


def test_a_script_is_nothing_else_and_a_spec_is_no_script(folder: Path) -> None:
    narrowcast("generate", "a.yaml")
    (script,) = folder.glob("convert_*.py")
    kept, spec_text = script.read_text(), (folder / "a.yaml").read_text()
    for command in (("migrate", "a.yaml"), ("schema",)):
        refused = narrowcast(*command, "-o", script.name)
        assert refused.exit_code == 2 and "NC903" in refused.stderr
    assert script.read_text() == kept
    refused = narrowcast("generate", "a.yaml", "-o", "a.yaml", "--force")
    assert refused.exit_code == 2 and "NC902" in refused.stderr
    assert (folder / "a.yaml").read_text() == spec_text


def test_a_folder_that_cannot_be_read_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("specs"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = narrowcast("validate", ".")
    assert result.exit_code == 2
    assert "error[NC901]: can't read ./specs: Permission denied" in result.stderr


def test_no_standard_input_is_one_line(folder: Path) -> None:
    command = f"{sys.executable} -m narrowcast validate - <&-"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr


@pytest.mark.parametrize("command", [("schema",), ("migrate", "a.yaml")])
def test_a_dash_is_standard_output(folder: Path, command: tuple[str, ...]) -> None:
    assert narrowcast(*command, "-o", "-").stdout == narrowcast(*command).stdout
    assert not (folder / "-").exists()
