"""From a model's file to a converted model, with what `narrowcast init` writes alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from narrowcast.spec import Spec, load


def begun(folder: Path, model: str, *options: str) -> Spec:
    """The spec that is written for a model of the folder, which then converts it.

    Args:
        options: Of the script.
    """
    _narrowcast(folder, "init", "--model", model, "-o", "begun.yaml")
    _narrowcast(folder, "run", "begun.yaml", "--no-timing", "--quiet", *options)
    return load(folder / "begun.yaml")


def _narrowcast(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "narrowcast", *arguments],
        cwd=folder,
        env=os.environ | {"FORCE_BF16": "1", "NARROWCAST_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
