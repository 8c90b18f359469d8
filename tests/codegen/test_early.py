"""Ctrl-C while a script, or a command, still imports its modules."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from narrowcast.commands.telling.ending import ended
from narrowcast.runtime.common.telling.early import OBJECT, was_interrupted
from narrowcast.runtime.common.telling.failures import Failure, failure_json

SPEC = Path(__file__).parents[1] / "cases/supplied_pytorch/spec.yaml"
LATER = (0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4)
"""Seconds from when signals are answered; imports take a quarter of a second and more."""

TERM = 1 << (signal.SIGTERM - 1)
IMPORTED = "| narrowcast.runtime.common.telling.early\n"


@pytest.fixture(scope="module", params=["--no-vendor", "--vendor"])
def script(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """One that waits where all is imported: it begins, and needs no framework."""
    folder = tmp_path_factory.mktemp("early")
    shutil.copy(SPEC, folder)
    command = (sys.executable, "-m", "narrowcast", "generate", "spec.yaml")
    subprocess.run([*command, request.param], cwd=folder, check=True)
    (path,) = folder.glob("*.py")
    text = path.read_text("utf-8")
    names = "\nNAME = "
    assert text.count(names) == 1
    path.write_text(text.replace(names, f"\nimport time; time.sleep(60){names}"))
    return path


def started(*arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    """Python, with Ctrl-C as in a terminal."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def answers(process: int) -> bool:
    """Whether it has an answer to SIGTERM, which Python itself hasn't."""
    status = Path(f"/proc/{process}/status").read_text()
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & TERM)


def is_interrupted(process: subprocess.Popen[str], options: Sequence[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "KeyboardInterrupt" not in err
    if options:
        said = json.loads(out)
        assert (said["exit_code"], len(said["diagnostics"])) == (130, 1)
        assert said["diagnostics"][0]["code"] == "NC921"
    else:
        assert out == ""
    return err


@pytest.mark.few(2)
@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_script_that_begins(
    script: Path, later: float, options: tuple[str, ...]
) -> None:
    process = started(script, *options)
    while not answers(process.pid):
        assert process.poll() is None
    time.sleep(later)
    process.send_signal(signal.SIGINT)
    err = is_interrupted(process, options)
    assert err.startswith("interrupted before the conversion ")


def test_sigterm_is_answered_as_ctrl_c_is(script: Path) -> None:
    process = started(script, "--json")
    while not answers(process.pid):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    is_interrupted(process, ["--json"])


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("options", [(), ("--format", "json")])
def test_a_command_that_begins(
    tmp_path: Path, later: float, options: tuple[str, ...]
) -> None:
    """Its spec is a pipe that nobody writes to: it reads for ever."""
    os.mkfifo(tmp_path / "waits.yaml")
    command = ("-m", "narrowcast", "validate", tmp_path / "waits.yaml", *options)
    process = started(*command, PYTHONPROFILEIMPORTTIME="1")
    assert process.stderr is not None
    while not process.stderr.readline().replace("  ", "").endswith(IMPORTED):
        assert process.poll() is None
    time.sleep(0.005 + later)
    process.send_signal(signal.SIGINT)
    err = is_interrupted(process, options)
    assert ("error[NC921]: interrupted" in err) == (not options)


def test_run_while_it_imports(tmp_path: Path) -> None:
    shutil.copy(SPEC, tmp_path)
    command = ("-m", "narrowcast", "run", tmp_path / "spec.yaml", "--json")
    process = started(*command, PYTHONPROFILEIMPORTTIME="1")
    assert process.stderr is not None
    while not process.stderr.readline().replace("  ", "").endswith(IMPORTED):
        assert process.poll() is None
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    is_interrupted(process, ["--json"])


def test_an_ignored_signal_stays_ignored(script: Path) -> None:
    """As in a job in the background of a shell."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from narrowcast.runtime.common.telling.early import signals_end_it\n"
        "signals_end_it('gone', 'gone', False, signal.SIGINT, signal.SIGTERM)()\n"
        "assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_script_that_is_imported_leaves_signals_alone(script: Path) -> None:
    code = (
        "import runpy, signal, sys, time; sys.argv[0] = ''\n"
        "time.sleep = lambda seconds: None\n"
        "before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]\n"
        f"runpy.run_path({str(script)!r})\n"
        "assert before == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_object_is_that_of_other_failures() -> None:
    assert (
        OBJECT.format(message="gone")
        == failure_json(130, [Failure("NC921", "gone")]) + "\n"
    )


class Named:
    """What Pydantic's fields are to a class: told their names while it is made."""

    def __set_name__(self, owner: type, name: str) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_that_python_made_an_error_of_is_one() -> None:
    """Before 3.12 what leaves `__set_name__` becomes a RuntimeError."""
    with pytest.raises((RuntimeError, KeyboardInterrupt)) as caught:
        type("Section", (), {"field": Named()})
    assert was_interrupted(caught.value)
    assert not was_interrupted(RuntimeError("its own"))


def test_such_a_one_ends_the_command_as_an_interrupt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = typer.Typer()

    @app.command()
    def waits() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("Error calling __set_name__") from error

    assert ended(app, []) == 130
    assert "error[NC921]: interrupted" in capsys.readouterr().err
