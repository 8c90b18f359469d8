"""Scripts whose data, or range, holds an index beyond a table of 7 rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import warm

ROWS = 7
WORDS = 5
REST = """
mixed_precision: {precisions: bf16}
"""
DATA = """
evaluation:
  accuracy:
    metric: {topk: 1}
    dataloader:
      dataset:
        npz: {path: ids.npz, inputs: ids, label: label}
"""


def refused(folder: Path, model: str, *, data: bool) -> list[str]:
    """The last two lines that `narrowcast run` says of an index of 7, or more.

    Args:
        model: The spec's, but for its inputs.
        data: Whether a dataset holds it; else a stated range does.
    """
    stated = "" if data else ", range: [7, 9]"
    inputs = f"[{{name: ids, shape: [n, {WORDS}], dtype: int64{stated}}}]"
    spec = f"{model.rstrip()}\n  inputs: {inputs}{REST}{DATA if data else ''}"
    (folder / "net.yaml").write_text(spec)
    ids = np.arange(20 * WORDS).reshape(20, WORDS) % (ROWS + 4)
    np.savez(folder / "ids.npz", ids=ids, label=np.zeros(20, int))
    command = ("-m", "narrowcast", "run", "net.yaml", "--no-timing")
    done = warm.run(command, folder, {**os.environ, "FORCE_BF16": "1"})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-2:]


def check_refused(folder: Path, model: str, *, bound: str = "6") -> None:
    """The input is named, and what to write of it.

    Args:
        bound: The largest index, as far as the framework says it.
    """
    line = len(model.rstrip().splitlines()) + 1
    where = f"for ids under model.inputs (net.yaml:{line})"
    of = "" if bound.isdecimal() else f", {bound} being the last row of its table"
    what, remedy = refused(folder, model, data=True)
    assert what.endswith(
        "; input ids (0 to 10) holds an index beyond what it points into"
    )
    assert remedy == (
        f"  Mend the data, and write `range: [0, {bound}]` {where}{of}: data is held to it."
    )
    what, remedy = refused(folder, model, data=False)
    assert what.endswith(
        "; input ids (7 to 9) holds an index beyond what it points into"
    )
    assert remedy == (
        f"  Write `range: [0, {bound}]` {where}{of}: random inputs are drawn from it."
    )
