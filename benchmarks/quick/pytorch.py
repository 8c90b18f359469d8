"""How long a conversion without data takes, against what it can't do without.

    python benchmarks/quick/pytorch.py [-v] [MODEL ...]

The base imports torch, makes the model, exports it, runs one batch in fp32, saves and
loads what was exported, in a process of its own. `narrowcast run --no-timing` of a spec
without data should take at most three times that, with timing at most 30 seconds more.
Whole processes and those that they start, one thread, in turn. The ratio is of CPU
seconds, which neighbours on the machine change least; -v shows narrowcast's own account.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
IMAGE = "{name: image, shape: [batch, 3, 224, 224], dtype: float32}"
WORDS = "{name: words, shape: [batch, 128], dtype: int64, range: [0, 30521]}"
MODELS = {"resnet50": IMAGE, "mobilenet_v2": IMAGE, "bert": WORDS}
LIMIT, LIMIT_TIMED = 3.0, 30.0
SPEC = """\
model:
  name: quick
  framework: pytorch
  factory: networks:{name}
  inputs:
    - {inputs}
mixed_precision:
  precisions: bf16
"""
BASE = """\
import torch, networks
model = networks.{name}()
batch = {batch}
with torch.no_grad():
    program = torch.export.export(model, batch, dynamic_shapes=({{0: torch.export.Dim("batch")}},))
    model(*batch)
torch.export.save(program, "base.pt2")
torch.export.load("base.pt2")
"""
BATCHES = {
    IMAGE: "(torch.randn(8, 3, 224, 224),)",
    WORDS: "(torch.randint(0, 30522, (8, 128)),)",
}


def seconds(
    command: Sequence[str], folder: Path, loud: bool = False
) -> tuple[float, float]:
    """Wall and CPU seconds of a whole process and its own, with one thread."""
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    start, used = time.perf_counter(), _used()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | one | {"PYTHONPATH": _path()},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    if loud:
        print(done.stderr, flush=True)
    return took, _used() - used


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _path() -> str:
    return os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))


def measured(name: str, loud: bool) -> list[tuple[float, float]]:
    """Wall and CPU seconds of the base, of a run without timing, and of one with it."""
    inputs = MODELS[name]
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "quick.yaml").write_text(SPEC.format(name=name, inputs=inputs))
        base = BASE.format(name=name, batch=BATCHES[inputs])
        run = ["-m", "narrowcast", "run", "quick.yaml", "--search"]
        said = ["-v"] if loud else []
        return [
            seconds(["-c", base], folder),
            seconds([*run, "--no-timing", *said], folder, loud),
            seconds([*run, *said], folder, loud),
        ]


def main(arguments: Sequence[str]) -> int:
    names = [each for each in arguments if each != "-v"] or list(MODELS)
    beyond = False
    heads = ("base", "run", "ratio", "timing", "wall:base", "run", "timing")
    print(f"{'model':<14}" + "".join(f"{head:>10}" for head in heads))
    for name in names:
        (base, used), (run, used_run), (timed, used_timed) = measured(
            name, "-v" in arguments
        )
        ratio, more = used_run / used, used_timed - used_run
        beyond = beyond or ratio > LIMIT or more > LIMIT_TIMED
        cells = (used, used_run, ratio, more, base, run, timed - run)
        print(f"{name:<14}" + "".join(f"{each:>10.1f}" for each in cells), flush=True)
    print("beyond a limit" if beyond else "within all limits")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
