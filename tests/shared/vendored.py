"""A script with its copy of the runtime, run where there is no narrowcast."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import end_to_end
from project import Project

FORCED = {"FORCE_BF16": "1", "FORCE_FP16": "1", "OMP_NUM_THREADS": "1"}
SETTLED = ("--search", "--no-timing")
"""What leaves nothing to chance."""

IN_WORKERS = ("--workers", "2")
"""Evaluates in processes that are spawned."""


@dataclass(frozen=True)
class Elsewhere:
    """An environment that has what this one has, but no narrowcast.

    Python reads no `.pth` files of a folder that another one names: what an editable
    install adds is not there.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Elsewhere:
        """A new one; that it has no narrowcast is made sure of."""
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/*/site-packages")
        here = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        (packages / "those.pth").write_text("\n".join(sorted(here)))
        made = cls(folder)
        done = made.python("-c", "import numpy; import narrowcast")
        assert done.returncode == 1
        assert "No module named 'narrowcast'" in done.stderr, done.stderr
        return made

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Its Python, isolated, in a folder where nothing is."""
        away = self.folder / "away"
        away.mkdir(exist_ok=True)
        return subprocess.run(
            [self.folder / "bin/python", "-I", *arguments],
            cwd=away,
            env={**os.environ, **FORCED},
            capture_output=True,
            text=True,
        )


def check_vendored(
    project: Project, model: Mapping[str, Any], precision: str, saved: str
) -> None:
    """The model's and the plan's bytes are those of the script without a copy.

    Args:
        model: The spec's section.
        saved: Pattern of what is delivered.
    """
    low = {"precisions": precision}
    judged = end_to_end.evaluation()
    project.write(model={"name": "net", **model}, mixed_precision=low, **judged)
    other = Project(project.folder.with_name("other"))
    shutil.copytree(project.folder, other.folder)
    assert project.run(*SETTLED).returncode == 0
    elsewhere = Elsewhere.make(project.folder.with_name("elsewhere"))
    generate = ("-m", "narrowcast", "generate", "net.yaml")
    assert other.run("--vendor", command=generate).returncode == 0
    done = elsewhere.python(str(other.folder / "convert_net.py"), *SETTLED, *IN_WORKERS)
    assert done.returncode == 0, done.stderr
    assert "loaded in the workers" in done.stderr
    for pattern in (saved, "net.plan.json"):
        delivered = other.hashes(pattern)
        assert delivered
        assert delivered == project.hashes(pattern)
    check_copy_is_held(other, elsewhere, generate)


def check_copy_is_held(
    project: Project, elsewhere: Elsewhere, generate: tuple[str, ...]
) -> None:
    """A run changes nothing of the copy; a copy of another runtime is refused."""
    assert project.run("--check", command=generate).returncode == 0
    copied = project.folder / "_narrowcast_runtime"
    frameworks = {each.parent.name for each in copied.glob("frameworks/*/ir")}
    assert len(frameworks) == 1
    version = copied / "common/version.py"
    version.write_text(version.read_text().replace('COPY_OF = "', 'COPY_OF = "0'))
    done = elsewhere.python(str(project.folder / "convert_net.py"))
    assert done.returncode == 3, done.stderr
    assert "narrowcast generate SPEC --vendor" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.run("--check", command=generate).returncode == 1
