"""Damaged files are opened or refused, and nothing else (`make nightly`).

`--adapters` says which framework's formats; those that need none go with PyTorch's.
"""

from __future__ import annotations

import os

import pytest
from damage.formats import formats
from damage.sweep import sweep

COUNT = int(os.environ.get("MUTATIONS", "200"))
"""Seeds for each format."""

LEAST = 0.05
"""Share that must be refused: else the damage does not reach what is opened."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    named = str(metafunc.config.getoption("--adapters") or "")
    groups = [each for each in named.split(",") if each]
    groups += ["plain", "records"] * ("pytorch" in groups)
    cases = [(group, name) for group in groups for name in formats(group)]
    metafunc.parametrize(("group", "name"), cases, ids=["-".join(c) for c in cases])


def test_damage_is_refused_or_harmless(group: str, name: str) -> None:
    swept = sweep(group, name, COUNT)
    assert not swept.bad, "\n".join(f"seed {b.seed}: {b.what}" for b in swept.bad)
    assert swept.opened + swept.refused == COUNT
    assert swept.refused >= LEAST * COUNT
