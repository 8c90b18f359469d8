"""A session that asks for a framework's adapters (`--adapters`) has tests of them."""

from __future__ import annotations

import os

import pytest

pytest.register_assert_rewrite("contract", "planted")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import warm  # noqa: E402
from chosen import adapters  # noqa: E402
from contract import SIDES  # noqa: E402

warm.spawned()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    items[:] = [item for item in items if not _of_none(item)]
    if config.getoption("--adapters") is None:
        return
    calls = (getattr(item, "callspec", None) for item in items)
    tested = {call.params.get("adapter") for call in calls if call is not None}
    wanted = {SIDES[name].zoo for name in adapters(config)}
    missing = wanted - {SIDES[name].zoo for name in tested & SIDES.keys()}
    if missing:
        raise pytest.UsageError(f"no test of {', '.join(sorted(missing))}")


def _of_none(item: pytest.Item) -> bool:
    """Whether a test is for other adapters only: there is nothing that was skipped."""
    return any(
        "empty parameter set" in mark.kwargs.get("reason", "")
        for mark in item.iter_markers("skip")
    )
