"""What ruff says of scripts where all of its rules are asked, and what the docs say of that."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "tests/cases").glob("*/expected/*.py"))
PAGE = ROOT / "docs/linters.md"
OPPOSITES = "D203,D213"
"""Rules whose opposites are followed."""


def reported() -> set[str]:
    ruff = Path(sys.executable).with_name("ruff")
    rules = ("--select", "ALL", "--ignore", OPPOSITES, "--target-version", "py311")
    form = ("--isolated", "--no-cache", "--output-format", "json")
    done = subprocess.run(
        [ruff, "check", *form, *rules, *SCRIPTS], capture_output=True, text=True
    )
    return {each["code"] for each in json.loads(done.stdout)}


def test_each_rule_that_is_broken_has_a_reason() -> None:
    rows = re.findall(r"(?m)^\| (`.+?) \|", PAGE.read_text("utf-8"))
    assert reported() == {code for row in rows for code in re.findall(r"`(.+?)`", row)}
