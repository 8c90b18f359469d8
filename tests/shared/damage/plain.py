"""Data and specs, which need no framework."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np

from damage.formats import Format
from narrowcast import cli
from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.evaluation.data.files.csv import read_csv
from narrowcast.runtime.evaluation.data.files.npz import read_npz

CASES = Path(__file__).resolve().parents[2] / "cases"


def _npz(folder: Path) -> Path:
    random = np.random.default_rng(0)
    x = random.standard_normal((20, 3, 4)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=np.arange(20) % 3)
    return folder / "data.npz"


def _packed(folder: Path) -> Path:
    np.savez_compressed(folder / "data.npz", x=np.zeros((20, 300)), y=np.arange(20))
    return folder / "data.npz"


def _csv(folder: Path) -> Path:
    rows = np.random.default_rng(0).standard_normal((30, 5))
    rows[:, -1] = np.arange(30) % 3
    np.savetxt(folder / "data.csv", rows, delimiter=",", header="a,b,c,d,label")
    return folder / "data.csv"


def _spec(folder: Path) -> Path:
    path = folder / "net.yaml"
    path.write_bytes((CASES / "csv_images" / "spec.yaml").read_bytes())
    return path


def _read_npz(path: Path) -> None:
    read_npz(path, inputs=("x",), label="y")


def _read_csv(path: Path) -> None:
    read_csv(path, label=-1, header=True)


def _generated(path: Path) -> None:
    """Raise what is no answer of the command line."""
    sys.argv = [
        "narrowcast",
        "generate",
        str(path),
        "--output",
        str(path.parent / "net.py"),
    ]
    said, code = io.StringIO(), 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    if code not in (0, 2) or "Traceback" in said.getvalue():
        raise AssertionError(f"exit code {code}: {said.getvalue()[-1000:]}")
    if code == 2:
        raise UsageError(said.getvalue())


FORMATS = {
    ".npz": Format(_npz, _read_npz),
    ".npz (compressed)": Format(_packed, _read_npz),
    ".csv": Format(_csv, _read_csv),
    "spec (YAML)": Format(_spec, _generated),
}
