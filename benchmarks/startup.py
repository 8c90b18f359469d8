"""How long the command line takes to start, against its dependencies alone.

Whole processes, in turn: `narrowcast --help`, `validate` and `generate`, and one that
imports pydantic, jinja2, yaml and typer and does nothing. `validate` should stay within
2.5 times the latter, the others within three.

Run `python benchmarks/startup.py [ROUNDS]`.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

SPEC = Path(__file__).parents[1] / "examples/mnist/mnist.yaml"
PYTHON = sys.executable
IMPORTS = "import pydantic, jinja2, yaml, typer"
BASE = "import the dependencies"
COMMANDS: Mapping[str, Sequence[str]] = {
    BASE: (PYTHON, "-c", IMPORTS),
    "narrowcast validate": (PYTHON, "-m", "narrowcast", "validate", SPEC.name),
    "narrowcast --help": (PYTHON, "-m", "narrowcast", "--help"),
    "narrowcast generate": (PYTHON, "-m", "narrowcast", "generate", SPEC.name),
}

LIMITS = {
    "narrowcast validate": 2.5,
    "narrowcast --help": 3.0,
    "narrowcast generate": 3.0,
}
"""Times the imports."""


def seconds(command: Sequence[str], folder: Path) -> float:
    """Wall time of a whole process in a folder with nothing but the spec."""
    for path in folder.iterdir():
        path.unlink()
    (folder / SPEC.name).write_bytes(SPEC.read_bytes())
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measured(rounds: int) -> dict[str, float]:
    """The median of each command's times, run in turn; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with TemporaryDirectory() as name:
        for turn in range(rounds + 1):
            for what, command in COMMANDS.items():
                took = seconds(command, Path(name))
                if turn:
                    times[what].append(took)
    return {what: median(each) for what, each in times.items()}


def main() -> int:
    found = measured(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    print(f"{'process':<26}{'median ms':>10}{'ratio':>8}{'limit':>8}")
    beyond = False
    for what, took in found.items():
        ratio, limit = took / found[BASE], LIMITS.get(what, 1.0)
        print(f"{what:<26}{took * 1000:>10.0f}{ratio:>8.2f}{limit:>8.1f}")
        beyond = beyond or ratio > limit
    print("beyond a limit" if beyond else "within all limits")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
