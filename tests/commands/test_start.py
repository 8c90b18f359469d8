"""What the command line loads and builds: no more than a command needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowcast.cli import app

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "examples/mnist/mnist.yaml"

LOADS = """\
import json, sys
from narrowcast.cli import main
try:
    main()
except SystemExit:
    pass
from narrowcast.spec.sections.section import Section

def below(kind):
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)

built = [k.__name__ for k in below(Section) if k.__pydantic_complete__]
print(json.dumps([sorted(sys.modules), sorted({*built})]))
"""


@pytest.mark.parametrize(
    "command", [("validate", str(SPEC)), ("generate", str(SPEC), "-o", "-")]
)
def test_neither_numpy_nor_a_validator_too_many(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS, *command], capture_output=True, text=True
    )
    modules, built = json.loads(done.stdout.splitlines()[-1])
    assert built == ["AccuracySection", "Csv", "Document", "Normalize", "Rescale"]
    unwanted = {"numpy", "narrowcast.looking", "jsonschema"}
    assert not unwanted & {*modules}
    told = "narrowcast.runtime.common"  # how things are said, and what that needs
    of_runtime = {each for each in modules if each.startswith("narrowcast.runtime.")}
    assert all(each.startswith(told) for each in of_runtime)
    assert ("jinja2" in modules) == (command[0] == "generate")


COMMANDS = (
    *("init", "generate", "validate", "run", "migrate", "explain", "doctor", "report"),
    *("schema", "clean"),
)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_short_and_long_help_are_one(command: tuple[str, ...]) -> None:
    short = CliRunner().invoke(app, [*command, "-h"])
    assert (short.exit_code, short.stderr) == (0, "")
    assert short.stdout.startswith("Usage: ")
    assert short.stdout == CliRunner().invoke(app, [*command, "--help"]).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """As a shell asks for what may follow `narrowcast ge`."""
    asked = {
        "bash": {"COMP_WORDS": "narrowcast ge", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "narrowcast ge"},
        "fish": {
            "_TYPER_COMPLETE_ARGS": "narrowcast ge",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    }[shell]
    env = asked | {"_NARROWCAST_COMPLETE": f"complete_{shell}"}
    done = CliRunner().invoke(app, [], env=env, prog_name="narrowcast")
    assert "generate" in done.stdout
    assert "validate" not in done.stdout
