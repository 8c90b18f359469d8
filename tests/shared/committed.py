"""The examples as a user has them: prepared anew, and replayed from the committed plans."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ENVIRONMENT = {"FORCE_BF16": "1", "OMP_NUM_THREADS": "1"}
QUIET = ("--json", "--no-timing")
MADE = shutil.ignore_patterns("data", "*.bf16*", "*.trials.jsonl", "__pycache__")


@dataclass(frozen=True)
class Example:
    """What is committed of an example, and what its model has to reach.

    Attributes:
        folder: Within `examples`.
        spec: Name of the spec.
        name: The model's, in the spec.
        least: The metric that fp32 and the result both reach. Where `prepare.py` trains,
            a bit below what is committed: other machines sum in another order.
        prepare: Scripts that put the files into `data`, in order.
    """

    folder: str
    spec: str
    name: str
    least: float
    prepare: tuple[str, ...] = ("prepare.py",)


def check(example: Example, folder: Path) -> None:
    """Prepare, generate, replay; hold what comes out to what is committed.

    Args:
        folder: An empty one, which the files are copied into.
    """
    here = folder / example.folder
    shutil.copytree(EXAMPLES / example.folder, here, ignore=MADE)
    for script in example.prepare:
        _python(here, script)
    _python(here, "-m", "narrowcast", "generate", example.spec, "--check")
    plan, report = (
        json.loads((here / f"{example.name}.{kind}.json").read_text("utf-8"))
        for kind in ("plan", "report")
    )
    origin = report["origin"]
    assert origin["spec_sha256"] == plan["spec"]
    assert origin["graph"] == plan["graph"]["fingerprint"]
    assert origin["model_sha256"] == plan["model"]["sha256"]
    _check_replay(example, plan, _python(here, f"convert_{example.name}.py", *QUIET))


def _check_replay(example: Example, plan: dict[str, Any], said: str) -> None:
    found = json.loads(said)
    assert found["replayed"]
    assert found["judgement"]["holds"]
    metric = found["judgement"]["numbers"][0]
    assert metric["fp32"] >= example.least
    assert metric["result"] >= example.least
    graph = plan["graph"]
    int8 = graph.get("flops_int8", 0)
    assert (found["flops_low"], found["flops_int8"]) == (graph["flops_low"], int8)
    assert graph["flops_low"] + int8 > 0


def _python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
