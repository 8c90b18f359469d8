"""However a command ends: an exit code that says it, one line, one JSON object."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nightly import some

from narrowcast.cli import app
from narrowcast.commands.telling.ending import ended
from narrowcast.commands.telling.failures import annotation
from narrowcast.runtime.common.telling.failures import Failure

GOOD = "model: {name: m, framework: onnx, path: m.onnx}\n"
BAD = f"{GOOD}mixed_precisions: {{}}\ntuning:\n  objective: speedy\n"
COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in COLOURS:
        monkeypatch.delenv(name, raising=False)
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text(BAD)
    return tmp_path


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    given: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
    command = [sys.executable, "-m", "narrowcast", *arguments]
    return subprocess.run(command, **{**given, **more})


# JSON

OUTCOMES: Mapping[tuple[str, ...], tuple[int, list[str]]] = {
    ("validate", "good.yaml", "--format", "json"): (0, ["NC351", "NC351"]),
    ("validate", "good.yaml", "--strict", "--format=json"): (2, ["NC351", "NC351"]),
    ("validate", "bad.yaml", "--format", "json"): (2, ["NC201", "NC205"]),
    ("validate", "none.yaml", "--format", "json"): (2, ["NC101"]),
    ("validate", "--nonsense", "--format", "json"): (2, ["NC801"]),
    ("validate", "--format", "json"): (2, ["NC801"]),
    ("generate", "good.yaml", "--format", "json"): (0, ["NC351", "NC351"]),
    ("generate", "good.yaml", "-o", "-", "--format", "json"): (0, ["NC351", "NC351"]),
    ("generate", "bad.yaml", "--format", "json"): (2, ["NC201", "NC205"]),
    ("generate", "good.yaml", "bad.yaml", "--format", "json"): (
        2,
        ["NC351", "NC351", "NC201", "NC205"],
    ),
    ("generate", "good.yaml", "--check", "--format", "json"): (
        1,
        ["NC351", "NC351", "NC911"],
    ),
    ("generate", "good.yaml", "--diff", "--format", "json"): (
        1,
        ["NC351", "NC351", "NC911"],
    ),
    ("generate", "good.yaml", "-o", "bad.yaml", "--format", "json"): (
        2,
        ["NC351", "NC351", "NC903"],
    ),
    ("generate", "good.yaml", "-o", ".", "--format", "json"): (
        2,
        ["NC351", "NC351", "NC902"],
    ),
    ("generate", "good.yaml", "-o", "bad.yaml/x", "--format", "json"): (
        2,
        ["NC351", "NC351", "NC901"],
    ),
    ("migrate", "good.yaml", "--format", "json"): (0, []),
    ("migrate", "bad.yaml", "--format", "json"): (2, ["NC201", "NC205"]),
    ("migrate", "good.yaml", "-o", "good.yaml", "--format", "json"): (2, ["NC902"]),
    ("run", "bad.yaml", "--json"): (2, ["NC201", "NC205"]),
    ("run", "bad.yaml", "--format", "json"): (2, ["NC201", "NC205"]),
    ("run", "none.yaml", "--json"): (2, ["NC101"]),
    ("run", "--json"): (2, ["NC801"]),
    ("explain", "none.plan.json", "--json"): (2, ["NC602"]),
    ("explain", "no.such.key", "--json"): (2, ["NC801"]),
    ("explain", "NC999", "--json"): (2, ["NC801"]),
    ("explain", "--json"): (2, ["NC801"]),
    ("explain", "", "--json"): (2, ["NC801"]),
    ("report", "none", "--format", "json"): (2, ["NC802"]),
    ("doctor", "--json", "--nonsense"): (2, ["NC801"]),
    ("nonsense", "--json"): (2, ["NC801"]),
}
"""A command → its exit code, and the codes of what is said."""


@pytest.mark.parametrize(("arguments", "ends"), OUTCOMES.items())
def test_json_is_one_object_in_each_outcome(
    arguments: tuple[str, ...],
    ends: tuple[int, list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process: how it ends is all that the command line does there."""
    code = ended(app, arguments)
    out, err = capsys.readouterr()
    found = json.loads(out)
    said = [each["code"] for each in found["diagnostics"]]
    assert (code, said) == ends
    assert found["exit_code"] == code
    assert err == ""
    for each in found["diagnostics"]:
        assert set(each) == {*Failure("", "").data}
        assert each["message"]


def test_json_has_the_place_and_the_remedy() -> None:
    found = json.loads(run("validate", "bad.yaml", "--format", "json").stdout)
    unknown = next(each for each in found["diagnostics"] if each["code"] == "NC201")
    assert unknown == {
        "severity": "error",
        "code": "NC201",
        "message": "unknown key",
        "remedy": "did you mean `mixed_precision`?",
        "file": "bad.yaml",
        "line": 2,
        "column": 1,
        "key": "mixed_precisions",
    }


def test_json_has_what_was_done() -> None:
    first = json.loads(run("generate", "good.yaml", "--format", "json").stdout)
    (made,) = first["results"]
    assert made == {"spec": "good.yaml", "output": "convert_m.py", "changed": True}
    again = json.loads(run("generate", "good.yaml", "--format", "json").stdout)
    assert again["results"][0]["changed"] is False
    shown = run("generate", "good.yaml", "-o", "-", "--format", "json").stdout
    assert json.loads(shown)["results"][0]["script"] == Path("convert_m.py").read_text()


def test_what_succeeds_prints_its_own_object() -> None:
    key = json.loads(run("explain", "model.name", "--json").stdout)
    assert "diagnostics" not in key
    assert isinstance(json.loads(run("explain", "NC201", "--json").stdout), dict)


# An empty name


@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (("generate", ""), "generate"),
        (("validate", "good.yaml", ""), "good.yaml"),
        (("run", ""), "run"),
        (("run", "good.yaml", "--plan", ""), "--plan"),
        (("explain", ""), "explain"),
        (("report", "-o", "", "."), "-o"),
        (("clean", ""), "clean"),
        (("migrate", ""), "migrate"),
        (("init", "--model="), "--model="),
        (("",), "narrowcast"),
    ],
)
def test_an_empty_name_is_not_the_folder(
    arguments: tuple[str, ...], before: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error[NC801]: an empty name was given, after {before}\n"
        "  Probably a variable that is not set.\n"
    )
    assert sorted(each.name for each in Path().iterdir()) == ["bad.yaml", "good.yaml"]


def test_options_are_written_whole() -> None:
    done = run("generate", "good.yaml", "--outp", "there.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --outp" in done.stderr


# GitHub


def test_annotations_name_the_line() -> None:
    done = run("validate", "bad.yaml", "--format", "github")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "::error file=bad.yaml,line=2,col=1,title=narrowcast NC201::mixed_precisions: "
        "unknown key%0Adid you mean `mixed_precision`?\n"
    ) in done.stderr
    assert all(line.startswith("::") for line in done.stderr.splitlines())
    notes = run("validate", "good.yaml", "--format", "github").stderr.splitlines()
    assert all(line.startswith("::notice file=good.yaml,line=1,") for line in notes)


def test_annotations_are_escaped() -> None:
    wild = Failure("NC101", "50%\r\nof it: a, b", file="a,b:c%\n.yaml", line=1)
    assert annotation(wild) == (
        "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,title=narrowcast NC101::"
        "50%25%0D%0Aof it: a, b"
    )


# Text and colours


def test_text_has_the_line_and_a_caret() -> None:
    done = run("validate", "bad.yaml")
    assert (
        "bad.yaml:4:14: error[NC205]: tuning.objective: unknown value `speedy`\n"
        "    objective: speedy\n"
        "               ^\n"
    ) in done.stderr
    assert "\x1b" not in done.stderr


def on_terminal(*arguments: str, **environ: str) -> str:
    """What standard error has where that is a terminal."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **environ}
    done = run(*arguments, env=env, capture_output=False, stderr=follower, stdout=-3)
    os.close(follower)
    assert done.returncode == 2
    text = b""
    try:
        while part := os.read(leader, 65536):
            text += part
    except OSError:  # all was read
        pass
    finally:
        os.close(leader)
    return text.decode()


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_a_terminal_has_colours_unless_they_are_unwanted(
    environ: dict[str, str], colour: bool
) -> None:
    for arguments in (("validate", "bad.yaml"), ("validate", "--nonsense")):
        said = on_terminal(*arguments, **environ)
        assert "error" in said
        assert ("\x1b[1;31merror[NC" in said) is colour
        assert colour or "\x1b" not in said


def test_elsewhere_colours_have_to_be_asked_for() -> None:
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        env = {**os.environ, name: "1"}
        assert "\x1b[1;31m^\x1b[0m" in run("validate", "bad.yaml", env=env).stderr


# Exit codes


@pytest.mark.parametrize("command", ["", "generate", "validate", "run", "doctor"])
def test_help_has_the_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(app, [*filter(None, [command]), "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 done; " in said and "130 interrupted" in said
    assert ("1 --check or --diff found drift" in said) is (command == "generate")
    assert "3 requirement not met" in said or command not in ("", "run")


@pytest.mark.few(1)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
@pytest.mark.parametrize(
    "arguments",
    some(
        [
            ("validate", "bad.yaml", "--format", "json"),
            ("validate", "good.yaml"),
            ("generate", "good.yaml", "--diff"),
            ("migrate", "good.yaml"),
            ("generate", "good.yaml", "-o", "-"),
            ("explain", "NC201"),
            ("schema",),
            ("--version",),
            ("--help",),
        ],
        every=4,
    ),
)
def test_output_that_nobody_takes_is_one_line_and_2(arguments: tuple[str, ...]) -> None:
    why = {"full": "No space left on device", "read by nobody": "Broken pipe"}
    for kind, said in why.items():
        if kind == "full":
            with Path("/dev/full").open("w") as full:
                done = run(*arguments, capture_output=False, stdout=full, stderr=-1)
        else:
            done = run(*arguments, capture_output=False, stdout=_unread(), stderr=-1)
        lines = [line for line in done.stderr.splitlines() if "NC351" not in line]
        assert lines == [
            f"error[NC904]: can't write to standard output: {said}",
            "  Send it to a file with room, to a terminal or to a pipe that is read.",
        ]
        assert done.returncode == 2


def _unread() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_a_full_disk_is_one_line_and_2() -> None:
    code = (
        "import resource, sys; from narrowcast.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.dont_write_bytecode = True\n"
        "sys.argv = ['narrowcast', 'generate', 'good.yaml']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "error[NC901]: can't write convert_m.py: File too large"
    )
    assert sorted(each.name for each in Path().iterdir()) == ["bad.yaml", "good.yaml"]


def test_an_error_of_the_system_is_one_line_and_2() -> None:
    code = (
        "import sys, narrowcast.spec; from narrowcast.cli import main\n"
        "load = sys.modules['narrowcast.spec.load']\n"
        "def broken(*a, **k): raise PermissionError(13, 'Permission denied', 'x.yaml')\n"
        "load.decoded = broken\n"
        "sys.argv = ['narrowcast', 'validate', 'good.yaml']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error[NC901]: x.yaml: Permission denied\n",
    )


def test_a_bug_is_one_line_and_4() -> None:
    code = (
        "import sys, narrowcast.spec; from narrowcast.cli import main\n"
        "load = sys.modules['narrowcast.spec.load']\n"
        "def broken(*a, **k): raise KeyError('x')\n"
        "load.decoded = broken\n"
        "sys.argv = ['narrowcast', 'validate', 'good.yaml', *sys.argv[1:]]; main()"
    )
    for options in ([], ["--format", "json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *options], capture_output=True, text=True
        )
        said = json.loads(done.stdout)["diagnostics"][0]["message"] if options else ""
        assert done.returncode == 4
        assert "KeyError: 'x'" in (said or done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
    assert "Traceback" in Path("narrowcast.error.log").read_text()


@pytest.mark.few(1)
@pytest.mark.parametrize("options", [[], ["--format", "json"]])
def test_an_interrupt_is_130(options: list[str]) -> None:
    os.mkfifo("waits.yaml")
    process = subprocess.Popen(
        [sys.executable, "-m", "narrowcast", "validate", "waits.yaml", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    _wait_until_it_reads(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err and "Aborted" not in err
    if options:
        found = json.loads(out)
        assert (found["exit_code"], found["diagnostics"][0]["code"]) == (130, "NC921")
    else:
        assert (out, err) == ("", "error[NC921]: interrupted\n")


def _wait_until_it_reads(process: int) -> None:
    """Wait until it opens the pipe, for which there is no writer."""
    channel = Path(f"/proc/{process}/wchan")
    for _ in range(160):
        if channel.exists() and "fifo" in channel.read_text():
            return
        time.sleep(0.05)
