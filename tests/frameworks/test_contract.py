"""Every adapter keeps every promise (`tests/shared/contract`), on one model after another."""

from __future__ import annotations

import pytest
from chosen import adapters
from contract import PROMISES, Promise, subject


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rows = [
        pytest.param(name, promise, model, id=f"{name}-{promise.name}-{model}")
        for name in adapters(metafunc.config)
        for promise in PROMISES
        for model in promise.held_by(subject(name))
    ]
    metafunc.parametrize(("adapter", "promise", "model"), rows)


def test_the_promise_is_kept(adapter: str, promise: Promise, model: str) -> None:
    promise.keep(subject(adapter), model)
