"""Generated scripts as processes: exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nightly import some

from narrowcast.runtime.common import errors
from narrowcast.runtime.common.telling.aside import LINES
from narrowcast.runtime.common.telling.streams import REMEDY

SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path
from narrowcast.runtime.main import command_line
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.common.errors import *
from narrowcast.runtime.common.errors import MetricError
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.evaluation.judgement import Judgement
from narrowcast.runtime.report.report import Report


def report(run, value=0.9, **changes):
    baseline, result = (Evaluation("top-1", v, 9, True) for v in (0.9, value))
    fields = dict(
        name="net", low=Precision.BF16, objective="low_compute", flops=10, flops_low=9,
        ops=4, ops_low=3, casts=2, fp32_bytes=400, saved_bytes=200,
        judgement=Judgement(Criterion(absolute=0.01), baseline, result),
        drift=None, latency=None, trials=1, replayed=False, interrupted=False,
        is_target=False, kernels="", fp32={}, script=run.context.script, model=run.context.options.output / "net.pt2",
        plan=run.context.options.plan, warnings=(),
    )
    return Report(**{**fields, **changes})


def convert(run):
    %s


if __name__ == "__main__":
    sys.exit(command_line(__file__, "net", convert))
"""


class Script:
    """A script whose convert has the given body."""

    def __init__(self, folder: Path, body: str) -> None:
        self.path = folder / "convert_net.py"
        self.path.write_text(SCRIPT % body.replace("\n", "\n    "))

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path.parent,
            env={**os.environ, **environ},
        )

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environ)
        out, err = process.communicate()
        return process.returncode, out, err


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Script]:
    return lambda body: Script(tmp_path, body)


Make = Callable[[str], Script]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return report(run)", 0),
        ("return report(run, judgement=None)", 0),
        ("return report(run, value=0.5)", 1),
        ("return report(run, value=float('nan'))", 1),
        ("return report(run, interrupted=True)", 130),
    ],
)
def test_a_report_decides_the_exit_code(script: Make, body: str, code: int) -> None:
    found, out, err = script(body).run()
    assert (found, err) == (code, "")
    assert out.startswith("net: fp32 -> bf16 + fp32\n")


def test_an_exit_of_user_code_is_no_verdict(script: Make) -> None:
    code, out, err = script("sys.exit(1)").run()
    assert (code, out) == (2, "")
    assert "called sys.exit(1)" in err


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        ("UsageError", 2),
        ("ModelError", 2),
        ("DataError", 2),
        ("MetricError", 2),
        ("PlanError", 2),
        ("RequirementError", 3),
    ],
)
def test_a_users_error_is_a_message_and_a_remedy(
    script: Make, kind: str, exit_code: int
) -> None:
    body = f"raise {kind}('the thing is wrong', 'Mend it.')"
    code = getattr(errors, kind).error_code
    found, out, err = script(body).run()
    assert (found, out) == (exit_code, "")
    assert err == f"error[{code}]: the thing is wrong\n  Mend it.\n"
    found, out, err = script(body).run("--json")
    (said,) = parsed(out)["diagnostics"]
    assert found == parsed(out)["exit_code"] == exit_code
    assert said["code"] == code
    assert (said["message"], said["remedy"]) == ("the thing is wrong", "Mend it.")
    assert (said["file"], said["line"]) == (None, None)
    assert err == f"error[{code}]: the thing is wrong\n  Mend it.\n"


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
        ("raise MemoryError", "MemoryError"),
    ],
)
def test_an_internal_error_is_short_and_logged(
    script: Make, tmp_path: Path, body: str, said: str
) -> None:
    code, out, err = script(body).run()
    assert (code, out) == (4, "")
    assert err == f"internal error[NC931]: {said}\n  Details are in net.error.log.\n"
    log = (tmp_path / "net.error.log").read_text()
    assert "Traceback" in log
    assert "in convert" in log


def test_the_log_goes_where_the_output_goes(script: Make, tmp_path: Path) -> None:
    code, _out, err = script("1 / 0").run("--output", "made")
    assert code == 4
    assert "made/net.error.log" in err
    assert "Traceback" in (tmp_path / "made" / "net.error.log").read_text()


def test_without_a_folder_for_it_the_log_goes_to_the_temporary_one(
    script: Make, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    code, _out, err = script(
        "run.context.options.output.rmdir(); run.context.options.output.touch(); 1 / 0"
    ).run("--output", "made", TMPDIR=str(tmp_path / "elsewhere"))
    assert code == 4
    assert err.startswith(
        "internal error[NC931]: ZeroDivisionError: division by zero\n"
    )
    assert "elsewhere/net.error.log" in err
    assert "Traceback" not in err
    assert "Traceback" in (tmp_path / "elsewhere" / "net.error.log").read_text()


# Interrupts


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal; a job in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_interrupt(script: Make, number: signal.Signals) -> None:
    process = script("print('ready', flush=True)\ntime.sleep(600)").start()
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _out, err = process.communicate()
    assert process.returncode == 130
    assert err == "interrupted before the conversion was done: no plan was written\n"


def test_a_signal_that_comes_twice_is_one_interrupt(script: Make) -> None:
    again = "import atexit\natexit.register(os.kill, os.getpid(), 15)\n"
    code, _out, err = script(f"{again}os.kill(os.getpid(), 15)\ntime.sleep(9)").run()
    assert code == 130
    assert err == "interrupted before the conversion was done: no plan was written\n"


# Options


def test_a_plan_that_is_a_folder_is_refused_at_once(
    script: Make, tmp_path: Path
) -> None:
    (tmp_path / "plans").mkdir()
    code, out, err = script("return report(run)").run("--plan", "plans", "--search")
    assert (code, out) == (2, "")
    assert err == "error[NC801]: --plan plans is a folder\n  Name a file in it.\n"


def test_options_reach_the_run(script: Make, tmp_path: Path) -> None:
    body = "print(run.context.options)\nreturn report(run)"
    code, out, _err = script(body).run(
        *("--output", "out", "--plan", "my.json", "--search"),
        *("--max-trials", "3", "--timeout", "1.5"),
    )
    assert code == 0
    for said in (
        f"output=PosixPath('{tmp_path}/out')",
        f"plan=PosixPath('{tmp_path}/my.json')",
        "search=True",
        "max_trials=3",
        "timeout=1.5",
        "json=False",
    ):
        assert said in out


def test_without_options_all_is_beside_the_script(script: Make, tmp_path: Path) -> None:
    body = "print(run.context.options)\nreturn report(run)"
    _code, out, _err = script(body).run()
    for said in (
        f"output=PosixPath('{tmp_path}')",
        f"plan=PosixPath('{tmp_path}/net.plan.json')",
        "search=False",
        "max_trials=None",
        "timeout=None",
    ):
        assert said in out


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-trials", "0"], "must be a whole number of at least 1"),
        (["--max-trials", "-3"], "must be a whole number of at least 1"),
        (["--max-trials", "many"], "must be a whole number of at least 1"),
        (["--max-trials", "1.5"], "must be a whole number of at least 1"),
        (["--timeout", "-1"], "must be a number of at least 0"),
        (["--timeout", "nan"], "must be a number of at least 0"),
        (["--timeout", "soon"], "must be a number of at least 0"),
        (["--timeout"], "expected one argument"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["model.pt"], "unrecognized arguments: model.pt"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    script: Make, tmp_path: Path, arguments: list[str], said: str
) -> None:
    code, out, err = script("Path('ran').touch()").run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("usage: convert_net.py")
    assert not (tmp_path / "ran").exists()


def test_help_names_the_model_and_every_option(script: Make) -> None:
    code, out, err = script("1 / 0").run("--help")
    assert (code, err) == (0, "")
    assert "Convert net to mixed precision" in out
    for option in (
        "output",
        "plan",
        "search",
        "max-trials",
        "timeout",
        "json",
        "quiet",
    ):
        assert f"--{option}" in out


# JSON


def parsed(text: str) -> Any:
    def refused(token: str) -> None:
        raise AssertionError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refused)


def test_json_is_one_document_and_nothing_else_on_stdout(script: Make) -> None:
    body = """
print("the user's code prints")
os.system("echo a child prints")
subprocess.run([sys.executable, "-c", "print('another prints')"])
os.write(1, b"a library prints")
return report(run)
"""
    code, out, err = script(body).run("--json")
    assert code == 0
    assert parsed(out)["name"] == "net"
    for said in ("the user's code", "a child", "another", "a library"):
        assert f"{said} prints" in err


def test_json_is_strict_where_the_metric_is_not_a_number(script: Make) -> None:
    code, out, _err = script("return report(run, value=float('nan'))").run("--json")
    assert code == parsed(out)["exit_code"] == 1
    assert parsed(out)["judgement"]["result"]["value"] == "nan"


ENDINGS = {
    "raise ModelError('broken')": (2, "NC401"),
    "raise RequirementError('lacks')": (3, "NC701"),
    "1 / 0": (4, "NC931"),
    "raise KeyboardInterrupt": (130, "NC921"),
    "os.kill(os.getpid(), 15)": (130, "NC921"),
    "sys.exit(0)": (2, "NC922"),
    "os._exit(0)": (2, "NC922"),
    "raise GeneratorExit": (2, "NC922"),
    "return report(run, value=0.1)": (1, "NC912"),
    "return report(run, interrupted=True)": (130, "NC921"),
}
"""How a run ends → its exit code, and what the JSON object says."""


@pytest.mark.few(3)
@pytest.mark.parametrize(("body", "ends"), ENDINGS.items())
@pytest.mark.parametrize(
    "noise", some(["print('mine'); os.system('echo noise')\n", ""], every=2)
)
def test_json_is_one_object_however_a_run_ends(
    script: Make, body: str, ends: tuple[int, str], noise: str
) -> None:
    code, out, _err = script(noise + body).run("--json")
    found = parsed(out)
    (said,) = found["diagnostics"]
    assert (code, said["code"]) == ends
    assert found["exit_code"] == code
    assert said["message"] and said["severity"] == "error"


def test_json_is_one_object_where_nothing_is_wrong(script: Make) -> None:
    assert parsed(script("return report(run)").run("--json")[1])["diagnostics"] == []


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "wrong", [["--max-trials", "0"], ["--nonsense"], ["--trial", "1", "--search"]]
)
def test_json_is_one_object_where_options_are_wrong(
    script: Make, wrong: list[str]
) -> None:
    code, out, err = script("1 / 0").run("--json", *wrong)
    found = parsed(out)
    assert code == found["exit_code"] == 2
    assert found["diagnostics"][0]["code"] == "NC801"
    assert err.startswith("usage: ")


DATA_SPEC = """\
model: {name: net, framework: pytorch, path: net.pt2}
evaluation:
  accuracy:
    dataloader:
      dataset:
        csv: {path: x.csv, label: 7}
"""


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        (None, "evaluation.accuracy.dataloader.dataset.csv.path", 6),
        ("1,2,3\n", "evaluation.accuracy.dataloader.dataset.csv.label", 6),
        ("", "evaluation.accuracy.dataloader.dataset", 5),
    ],
)
def test_what_is_wrong_with_data_has_its_key_in_the_spec(
    tmp_path: Path, content: str | None, key: str, line: int
) -> None:
    script = Script(tmp_path, "next(batches())")
    functions = """
# spec = "net.yaml"
from narrowcast.runtime.evaluation.data.files.csv import read_csv

def dataset():
    return read_csv(Path("x.csv"), label=7)

def batches():
    yield from dataset().batches(2)

def convert"""
    script.path.write_text(script.path.read_text().replace("\ndef convert", functions))
    if content is not None:
        (tmp_path / "x.csv").write_text(content)
    code, _out, err = script.run()
    assert code == 2
    assert f"error[NC501]: {key}: x.csv " in err
    (tmp_path / "net.yaml").write_text(DATA_SPEC)
    code, out, err = script.run("--json")
    (said,) = parsed(out)["diagnostics"]
    assert (said["file"], said["line"], said["key"]) == ("net.yaml", line, key)
    assert f"error[NC501]: {key} (net.yaml:{line}): x.csv " in err


def test_what_is_wrong_with_supplied_data_has_no_key(tmp_path: Path) -> None:
    script = Script(tmp_path, "def batches(): raise DataError('odd')\nbatches()")
    assert script.run() == (2, "", "error[NC501]: odd\n")


@pytest.mark.nightly
def test_options_are_written_whole(script: Make) -> None:
    """A later option may begin with the same letters."""
    for option in (["--js"], ["--out", "there"], ["--max=3"]):
        code, out, err = script("1 / 0").run(*option)
        assert (code, out) == (2, "")
        assert f"unrecognized arguments: {' '.join(option)}" in err


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (["--output", ""], "--output"),
        (["--output="], "--output="),
        ([""], "convert_net.py"),
    ],
)
def test_an_empty_name_is_no_folder(
    script: Make, arguments: list[str], before: str
) -> None:
    code, out, err = script("1 / 0").run(*arguments)
    assert (code, out) == (2, "")
    assert err == (
        f"error[NC801]: an empty name was given, after {before}\n"
        "  Probably a variable that is not set.\n"
    )


def test_json_names_the_place_in_the_users_code(script: Make) -> None:
    body = """
try:
    exec(compile("\\n\\n1 / 0", str(Path("mine.py").resolve()), "exec"))
except ZeroDivisionError as error:
    raise DataError("the data is wrong") from error
"""
    (said,) = parsed(script(body).run("--json")[1])["diagnostics"]
    assert (said["file"], said["line"]) == ("mine.py", 3)


def test_json_names_the_place_in_the_spec(script: Make, tmp_path: Path) -> None:
    made = script("raise DataError('see evaluation.accuracy.metric')")
    text = made.path.read_text()
    made.path.write_text(f'# spec = "net.yaml"\n{text}')
    (tmp_path / "net.yaml").write_text("evaluation:\n  accuracy:\n    metric: 1\n")
    (said,) = parsed(made.run("--json")[1])["diagnostics"]
    place = said["file"], said["line"], said["key"]
    assert place == ("net.yaml", 3, "evaluation.accuracy.metric")


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_errors_are_coloured_where_that_is_asked_for(
    script: Make, environ: dict[str, str], colour: bool
) -> None:
    err = script("raise ModelError('broken')").run(**environ)[2]
    head = "\x1b[1;31merror[NC401]\x1b[0m" if colour else "error[NC401]"
    assert err == f"{head}: broken\n"


def test_help_has_the_exit_codes(script: Make) -> None:
    out = " ".join(script("1 / 0").run("--help")[1].split())
    assert "exit codes: 0 done" in out
    for said in ("1 criterion not met", "3 requirement", "4 internal", "130 interr"):
        assert said in out


def test_without_json_what_the_user_prints_stays_on_stdout(script: Make) -> None:
    _code, out, _err = script("print('mine')\nreturn report(run)").run()
    assert out.startswith("mine\nnet: fp32 -> bf16")


# What frameworks print, and what is said of the run


NOISE = """
import warnings
run.context.progress.line("baseline", "top-1 0.9")
run.context.warn("it is slow")
os.write(2, b"a library logs\\n")
print("Python says", file=sys.stderr)
warnings.warn("Python warns")
subprocess.run([sys.executable, "-c", "import os; os.write(2, b'a child logs')"])
"""
SAID = ("a library logs", "Python says", "Python warns", "a child logs")


def test_nothing_is_let_through_unless_it_is_asked_for(script: Make) -> None:
    noisy = script(f"{NOISE}return report(run)")
    code, _out, err = noisy.run()
    lines = "  baseline   top-1 0.9\n", "  warning    it is slow\n"
    assert (code, err) == (0, "".join(lines))
    assert noisy.run("--quiet")[2] == lines[1]
    _code, out, loud = noisy.run("-v")
    assert all(said in loud for said in (*lines, *SAID))
    assert out.startswith("net: fp32 -> bf16")


def test_it_is_shown_where_the_run_fails(script: Make) -> None:
    code, out, err = script(f"{NOISE}raise ModelError('broken')").run("--json")
    assert (code, parsed(out)["diagnostics"][0]["code"]) == (2, "NC401")
    assert all(said in err for said in SAID)
    assert err.index("standard error meanwhile") < err.index("a library logs")
    assert err.endswith("error[NC401]: broken\n")


def test_only_its_end_is_shown(script: Make) -> None:
    body = "os.write(2, b'log\\n' * 99)\nraise ModelError('broken')"
    lines = script(body).run()[2].splitlines()
    assert lines[1:3] == [f"... {99 - LINES} lines before it", "log"]
    assert lines[-2:] == ["log", "error[NC401]: broken"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_crash_in_native_code_is_not_silent(script: Make) -> None:
    code, _out, err = script("import ctypes\nctypes.string_at(0)").run()
    assert code == -signal.SIGSEGV
    assert "Segmentation fault" in err
    assert "in convert" in err


def test_quiet_and_verbose_are_no_pair(script: Make) -> None:
    assert script("1 / 0").run("-q", "-v")[0] == 2


CLOSING = {
    "sys.stdout.close()": 0,
    "sys.stderr.close()": 0,
    "os.close(1)": 2,
    "os.close(2)": 0,
    "sys.stdout.close(); sys.stderr.close(); raise DataError('no data')": 2,
}
"""What a user's code does → how the run ends."""


@pytest.mark.few(2)
@pytest.mark.parametrize(("does", "code"), CLOSING.items())
def test_code_that_closes_a_stream_is_outlived(
    script: Callable[[str], Script], does: str, code: int
) -> None:
    done = script(f"{does}\nreturn report(run)").run()
    assert done[0] == code
    assert ("net" in done[1]) is (code == 0)
    assert "Traceback" not in done[2] and "lost" not in done[2]
    if code:
        assert "no data" in done[2] or "can't write to standard output" in done[2]


@pytest.mark.few(1)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
@pytest.mark.parametrize("option", ["", "--json"])
def test_a_full_or_closed_standard_output_is_one_line(
    script: Callable[[str], Script], option: str
) -> None:
    path = script("print('mine')\nreturn report(run)").path
    for target, why in {
        "> /dev/full": "can't write to standard output: No space left on device",
        ">&-": "standard output is closed",
    }.items():
        done = subprocess.run(
            f"{sys.executable} {path} {option} {target}",
            shell=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
        assert done.returncode == 2
        assert done.stderr.endswith(f"error[NC904]: {why}\n  {REMEDY}\n")
        assert "Traceback" not in done.stderr and "lost" not in done.stderr
