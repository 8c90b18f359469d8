"""How long many specs take in one process, against one spec's process.

`narrowcast generate` and `validate` of 200 specs in a folder, of every framework, should
each take at most 15 times what a process for one of them takes.

Run `python benchmarks/many.py [ROUNDS]`.
"""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
SPECS = sorted(ROOT.glob("examples/*/*.yaml"))
NAME = re.compile(r"\bname: (?!image)(\w+)")
MANY = 200
LIMIT = 15.0


def fill(folder: Path) -> None:
    """Write `MANY` specs, each of a model with a name of its own."""
    for number, spec in enumerate(islice(cycle(SPECS), MANY)):
        text = NAME.sub(rf"name: \1_{number}", spec.read_text("utf-8"), count=1)
        (folder / f"spec_{number:03}.yaml").write_text(text, "utf-8")


def seconds(command: str, what: Sequence[str], folder: Path) -> float:
    """Wall time of a whole process, with no script there yet."""
    for script in folder.glob("*.py"):
        script.unlink()
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "narrowcast", command, *what],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    worst = 0.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        for command in ("generate", "validate"):
            # One of each kind, so that no spec that is short by chance counts.
            kinds = [f"spec_{number:03}.yaml" for number in range(len(SPECS))]
            one = median(seconds(command, [each], folder) for each in kinds * 2)
            many = median(seconds(command, ["."], folder) for _ in range(rounds))
            worst = max(worst, many / one)
            print(f"{command}: one {one:.3f} s, {MANY} {many:.2f} s: {many / one:.1f}×")
    print(f"{'within' if worst <= LIMIT else 'beyond'} {LIMIT:g} times")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
