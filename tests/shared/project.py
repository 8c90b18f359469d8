"""A folder with a spec and what it names, and the command line run in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import warm
import yaml


@dataclass(frozen=True)
class Project:
    """What a user has: a folder, and `net.yaml` in it."""

    folder: Path

    def write(self, **spec: Any) -> None:
        """Write the spec."""
        (self.folder / "net.yaml").write_text(yaml.safe_dump(spec), "utf-8")

    def put(self, text: str) -> None:
        """Write the spec as it is."""
        (self.folder / "net.yaml").write_text(text, "utf-8")

    def run(
        self,
        *options: str,
        env: Mapping[str, str] = {},
        command: Sequence[str] = ("-m", "narrowcast", "run", "net.yaml"),
    ) -> subprocess.CompletedProcess[str]:
        """`narrowcast run net.yaml` with options of the script."""
        forced = {"FORCE_BF16": "1", "FORCE_FP16": "1", "OMP_NUM_THREADS": "1"}
        variables = {**os.environ, **forced, **env}
        return warm.run((*command, *options), self.folder, variables)

    def report(self, *options: str, **how: Any) -> dict[str, Any]:
        """What `--json` says of a run, with its exit code."""
        done = self.run("--json", *options, **how)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["exit_code"] == done.returncode
        return found

    def edited(self, old: str, new: str) -> list[str]:
        """The command that runs a copy of the script, with one text for another."""
        text = (self.folder / "convert_net.py").read_text("utf-8")
        assert text.count(old) == 1
        (self.folder / "edited.py").write_text(text.replace(old, new), "utf-8")
        return ["edited.py"]

    def refused(self, *options: str, env: Mapping[str, str] = {}) -> tuple[int, str]:
        """The exit code and the error of a run that must not end well."""
        done = self.run(*options, env=env)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stdout == ""
        (head,) = re.finditer(r"error\[NC\d{3}\]: ", done.stderr)
        return done.returncode, done.stderr[head.start() :]

    @property
    def plan(self) -> dict[str, Any]:
        """The lock file."""
        found: dict[str, Any] = json.loads(
            (self.folder / "net.plan.json").read_text("utf-8")
        )
        return found

    def hashes(self, pattern: str) -> dict[str, str]:
        """Each file under what the pattern names, with its content's hash."""
        tops = sorted(self.folder.glob(pattern))
        files = [f for top in tops for f in (top, *sorted(top.rglob("*")))]
        return {
            file.relative_to(self.folder).as_posix(): sha256(
                file.read_bytes()
            ).hexdigest()
            for file in files
            if file.is_file()
        }
