"""From a model's file to a converted model, with what `narrowcast init` writes alone."""

from __future__ import annotations

import os
from pathlib import Path

import warm

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
    variables = {"FORCE_BF16": "1", "NARROWCAST_CACHE": str(folder / "cache")}
    command = ("-m", "narrowcast", *arguments)
    done = warm.run(command, folder, {**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
