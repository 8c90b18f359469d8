"""The same in a process that has seen nothing of it: `python -m contract.process`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from zoo import Array

from .subject import Subject, files, subject

REWRITTEN = ("residual", "branch", "state")
"""Models that the other process converts itself."""

SECONDS = 240


@dataclass(frozen=True)
class Elsewhere:
    """What the other process made."""

    folder: Path

    def outputs(self, name: str) -> list[Array]:
        """Of a saved model on its batch."""
        with np.load(self.folder / f"{name}.npz") as found:
            return [found[key] for key in found.files]

    def written(self, name: str) -> dict[str, str]:
        """File → sha256 of what it wrote itself."""
        found: dict[str, str] = json.loads((self.folder / f"{name}.json").read_text())
        return found


@cache
def elsewhere(s: Subject) -> Elsewhere:
    """Run it for all models of an adapter at once."""
    folder = s.empty()
    saved = {name: str(s.saved(name)) for name in s.models}
    shared = Path(__file__).parents[1]
    path = os.pathsep.join([str(shared), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "contract.process", s.name, str(folder)],
        input=json.dumps([saved, str(s.folder)]),
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return Elsewhere(folder)


def main(adapter: str, folder: Path, saved: dict[str, Any], models: Path) -> None:
    one = subject(adapter)
    one.folder = models
    for name, path in saved.items():
        outputs = one.adapter.load_saved(Path(path))(one.batch(name))
        np.savez(folder / f"{name}.npz", *outputs)
    for name in set(REWRITTEN) & set(saved):
        written = {
            file: hashlib.sha256(data).hexdigest()
            for file, data in files(one.save(name)).items()
        }
        (folder / f"{name}.json").write_text(json.dumps(written))


if __name__ == "__main__":
    given, models = json.load(sys.stdin)
    main(sys.argv[1], Path(sys.argv[2]), given, Path(models))
