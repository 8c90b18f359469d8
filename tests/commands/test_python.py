"""`narrowcast run --python`: another environment's, if it can run the script."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import narrowcast
from narrowcast.cli import app

SPEC = """\
model: {name: net, framework: pytorch, path: net.pt2}
mixed_precision: {precisions: bf16}
"""
SCRIPT = "convert_net.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", "net.yaml", *arguments])


def program(path: Path, body: str) -> Path:
    """A program that stands in for a Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('[[3, 9], "0.1.0"]', "is Python 3.9\n  narrowcast needs 3.11 or newer"),
        ("[[3, 12], null]", "has no narrowcast"),
        (
            '[[3, 12], "99.0.0"]',
            f"has narrowcast 99.0.0, this is {narrowcast.__version__}",
        ),
        ("no answer", "is not a Python interpreter"),
        ("{}", "is not a Python interpreter"),
        ("", "is not a Python interpreter"),
    ],
)
def test_one_that_does_not_fit(folder: Path, answer: str, said: str) -> None:
    program(folder / "env/bin/python", f"echo '{answer}'")
    for given in ("env", "env/bin/python"):
        result = run("--python", given)
        assert (result.exit_code, result.stdout) == (3, "")
        assert said in result.stderr
    assert not (folder / SCRIPT).exists()


def test_one_that_fails(folder: Path) -> None:
    program(folder / "python", "exit 1")
    result = run("--python", "./python")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-2:] == [
        f"error[NC701]: {folder}/python is not a Python interpreter, or does not "
        "answer as one",
        "  Name the python of an environment, such as .venv/bin/python.",
    ]


@pytest.mark.parametrize("given", ["missing", "net.yaml", ".", "no/such/python"])
def test_one_that_is_none(folder: Path, given: str) -> None:
    result = run("--python", given)
    assert result.exit_code == 3
    assert f"--python {given} is no program that can be run" in result.stderr
    assert not (folder / SCRIPT).exists()


def test_one_that_fits_runs_the_script(folder: Path) -> None:
    """This very Python, by way of a program that tells that it was asked."""
    program(folder / "mine", f'echo "$@" >> asked\nexec {sys.executable} "$@"')
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "narrowcast",
            "run",
            "net.yaml",
            "--python",
            "./mine",
            "-h",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0  # the command's own help
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "narrowcast",
                "run",
                "net.yaml",
                "--python",
                "./mine",
            ),
            *("--", "--help"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {SCRIPT} [-h]")
    assert f"{SCRIPT} --help" in (folder / "asked").read_text()
