"""How long a conversion without data takes, against what it can't do without.

    python benchmarks/quick/pytorch.py [-v] [MODEL ...]

The base imports torch, makes the model, exports it, runs one batch in fp32, saves and
loads what was exported, in a process of its own. `narrowcast run --no-timing` of a spec
without data should take at most three times that, with timing at most 30 seconds more.
Whole processes, one thread, in turn; -v shows narrowcast's own account of the time.
"""

from __future__ import annotations

import os
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


def seconds(command: Sequence[str], folder: Path, loud: bool = False) -> float:
    """Wall time of a whole process, with one thread."""
    one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    start = time.perf_counter()
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
    return took


def _path() -> str:
    return os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))


def measured(name: str, loud: bool) -> tuple[float, float, float]:
    """Seconds of the base, of a run without timing, and of one with it."""
    inputs = MODELS[name]
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "quick.yaml").write_text(SPEC.format(name=name, inputs=inputs))
        base = BASE.format(name=name, batch=BATCHES[inputs])
        run = ["-m", "narrowcast", "run", "quick.yaml", "--search"]
        said = ["-v"] if loud else []
        return (
            seconds(["-c", base], folder),
            seconds([*run, "--no-timing", *said], folder, loud),
            seconds([*run, *said], folder, loud),
        )


def main(arguments: Sequence[str]) -> int:
    names = [each for each in arguments if each != "-v"] or list(MODELS)
    beyond = False
    print(f"{'model':<14}{'base s':>8}{'run s':>8}{'ratio':>7}{'timing s':>10}")
    for name in names:
        base, run, timed = measured(name, "-v" in arguments)
        ratio, more = run / base, timed - run
        beyond = beyond or ratio > LIMIT or more > LIMIT_TIMED
        print(
            f"{name:<14}{base:>8.1f}{run:>8.1f}{ratio:>7.2f}{more:>10.1f}", flush=True
        )
    print("beyond a limit" if beyond else "within all limits")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
