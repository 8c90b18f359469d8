"""Every golden script is well typed, as pyright sees it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import narrowcast

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/expected"))


def test_pyright_is_content(tmp_path: Path) -> None:
    """What a script imports of the user's is stubbed per case."""
    package = str(Path(narrowcast.__file__).parents[1])
    roots = []
    for expected in CASES:
        case = expected.parent.name
        shutil.copytree(expected.parent, tmp_path / case)
        for script in (tmp_path / case / "expected").glob("*.py"):
            script.rename(tmp_path / case / script.name)
        roots.append({"root": case, "extraPaths": [case, package]})
    missing = ("reportMissingImports", "reportMissingModuleSource")
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps(
            {
                "executionEnvironments": roots,
                "pythonVersion": "3.11",
                **dict.fromkeys(missing, False),  # the other frameworks
            }
        )
    )
    pyright = Path(sys.executable).with_name("pyright")
    done = subprocess.run(
        [pyright, "--outputjson", "--pythonpath", sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] >= len(CASES)
    errors = [
        f"{each['file']}: {each['message']}"
        for each in found["generalDiagnostics"]
        if each["severity"] == "error"
    ]
    assert not errors, "\n".join(errors)
