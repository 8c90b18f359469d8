"""Hooks, the GitHub Action, git's attributes and Dockerfiles: what they say works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = {
    each["id"]: each
    for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
DOCKERFILES = sorted((ROOT / "docs/docker").glob("*.Dockerfile"))
SPEC = (ROOT / "tests/cases/onnx_any/spec.yaml").read_text("utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a spec and its script, in `specs/`."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/net.yaml").write_text(SPEC, "utf-8")
    assert run("narrowcast generate specs/net.yaml", tmp_path).returncode == 0
    return tmp_path


def run(
    command: str, folder: Path, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """A command line, with this environment's narrowcast."""
    path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}"
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
    )


def script(project: Path) -> Path:
    (found,) = (project / "specs").glob("convert_*.py")
    return found


# pre-commit


def hook(name: str, project: Path, *changed: str) -> subprocess.CompletedProcess[str]:
    """A hook as pre-commit calls it, for the files of a commit."""
    about = HOOKS[name]
    files = [each for each in changed if re.search(about["files"], each)]
    if not files:
        return run("true", project)
    named = files if about.get("pass_filenames", True) else []
    return run(
        f"{about['entry']} {shlex.join([*about.get('args', []), *named])}", project
    )


def test_hooks_pass_where_all_is_well(project: Path) -> None:
    for name in HOOKS:
        done = hook(name, project, "specs/net.yaml", f"specs/{script(project).name}")
        assert done.returncode == 0, done.stderr


def test_a_script_that_was_changed_by_hand_fails_the_check(project: Path) -> None:
    changed = script(project)
    changed.write_text(changed.read_text("utf-8") + "# mine\n", "utf-8")
    done = hook("narrowcast-check", project, f"specs/{changed.name}")
    assert done.returncode == 1
    assert changed.name in done.stderr


def test_a_spec_with_a_mistake_fails_both(project: Path) -> None:
    spec = project / "specs/net.yaml"
    spec.write_text(f"{SPEC}\nmixed_precisoin: {{precisions: bf16}}\n", "utf-8")
    for name in HOOKS:
        done = hook(name, project, "specs/net.yaml")
        assert done.returncode == 2
        assert "mixed_precisoin" in done.stderr


def test_what_is_no_spec_is_left_alone(project: Path) -> None:
    (project / "other.yaml").write_text("a: 1\n", "utf-8")
    for name in HOOKS:
        assert hook(name, project, "other.yaml").returncode == 0


# The GitHub Action


GH = """\
#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
kept = Path(os.environ["COMMENTS"])
comments = json.loads(kept.read_text()) if kept.exists() else {}
args = sys.argv[1:]
if "--method" not in args:
    print("\\n".join(k for k, v in comments.items() if v.startswith("<!-- narrowcast -->")))
    sys.exit()
body = json.loads(Path(args[args.index("--input") + 1]).read_text())["body"]
method, place = args[args.index("--method") + 1 :][:2]
key = place.rpartition("/")[2] if method == "PATCH" else str(len(comments) + 1)
comments[key] = body
kept.write_text(json.dumps(comments))
"""
"""Stands for GitHub's command line: comments are kept in a file."""


def act(project: Path, **inputs: str) -> tuple[list[int], str]:
    """The exit codes of the action's own steps but the installation, and what they say."""
    given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
    given |= inputs
    (project / "bin").mkdir(exist_ok=True)
    gh = project / "bin/gh"
    gh.write_text(GH, "utf-8")
    gh.chmod(0o755)
    codes, said = [], ""
    for step in ACTION["runs"]["steps"]:
        if "run" not in step or "Install" in step["name"]:
            continue
        if "reports" in step.get("if", "") and not given["reports"]:
            continue
        env = {
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
            "RUNNER_TEMP": str(project),
            "COMMENTS": str(project / "comments.json"),
            **{name: _filled(text, given) for name, text in step["env"].items()},
        }
        done = run(step["run"], project, env)
        codes.append(done.returncode)
        said += done.stdout + done.stderr
    return codes, said


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    text = re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: inputs[m[1]], text)
    return text.replace("${{ github.event.pull_request.number }}", "7")


def test_the_action_checks_scripts(project: Path) -> None:
    codes, said = act(project)
    assert codes == [0]
    assert "::error" not in said
    script(project).unlink()
    codes, said = act(project)
    assert codes == [1]
    assert "::error " in said


@pytest.mark.few(1)
def test_the_action_keeps_one_comment(project: Path) -> None:
    shutil.copy(
        ROOT / "examples/mnist/mnist_cnn.report.json", project / "a.report.json"
    )
    for _push in range(2):
        codes, said = act(project, reports="a.report.json")
        assert codes == [0, 0], said
    comments: dict[str, Any] = json.loads((project / "comments.json").read_text())
    (comment,) = comments.values()
    assert comment.startswith("<!-- narrowcast -->\n") and "mnist_cnn" in comment
    assert comment in (project / "summary.md").read_text("utf-8")


def test_every_input_of_the_action_is_used() -> None:
    steps = json.dumps(ACTION["runs"]["steps"])
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in steps


# git


def test_git_keeps_the_ends_of_lines_of_what_is_compared(project: Path) -> None:
    shutil.copy(ROOT / ".gitattributes", project)
    text = script(project).read_bytes()
    done = run(
        "git init -q . && git -c core.autocrlf=true add . && rm specs/*.py && "
        "git -c core.autocrlf=true checkout -q -- specs",
        project,
    )
    assert done.returncode == 0, done.stderr
    assert script(project).read_bytes() == text and b"\r" not in text
    assert run("narrowcast generate --check specs", project).returncode == 0


def test_the_docs_have_the_attributes_that_we_use() -> None:
    said = (ROOT / "docs/checks.md").read_text("utf-8")
    for line in (ROOT / ".gitattributes").read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "tests/")):
            assert line in said


# Docker


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_has_a_framework_as_it_is_tested(path: Path) -> None:
    extra = path.stem
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extra in project["optional-dependencies"]
    text = path.read_text("utf-8")
    python = re.search(r"^FROM python:(\d+\.\d+)", text, re.M)
    assert python and project["requires-python"] == f">={python[1]}"
    assert (
        f'pip install --no-cache-dir -c /narrowcast/constraints.txt "/narrowcast[{extra}]"'
        in text
    )
    assert f"-t narrowcast-{extra} " in text
    assert (ROOT / "constraints.txt").is_file()


def test_every_framework_has_an_image() -> None:
    assert [path.stem for path in DOCKERFILES] == [
        "mxnet",
        "onnx",
        "pytorch",
        "tensorflow",
    ]
