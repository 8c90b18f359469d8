"""An adapter that stubs a member breaks a promise: else none says what the member does."""

from __future__ import annotations

import pytest
from chosen import adapters
from contract import PROMISES, subject
from contract.members import members_of
from contract.stubs import ADAPTER, FORMABLE, TRACED, stubbed

from narrowcast.runtime.frameworks.adapter import Adapter
from narrowcast.runtime.frameworks.protocol import Formable, Traced


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.fixturenames == ["adapter"]:
        metafunc.parametrize("adapter", adapters(metafunc.config))
    if "lie" not in metafunc.fixturenames:
        return
    rows = [
        pytest.param(name, member, lie, id=f"{name}-{member}-{lie}")
        for name in adapters(metafunc.config)
        for table in (ADAPTER, TRACED, FORMABLE if subject(name).side.form else {})
        for member, lies in table.items()
        for lie in lies
    ]
    metafunc.parametrize(("adapter", "member", "lie"), rows)


def test_a_stub_breaks_a_promise(adapter: str, member: str, lie: str) -> None:
    real = subject(adapter)
    stub = stubbed(real, member, lie)
    kept = []
    for promise in PROMISES:
        if member in promise.members:
            for model in promise.held_by(real):
                try:
                    promise.keep(stub, model)
                except (Exception, pytest.fail.Exception):
                    return
                kept.append(f"{promise.name}[{model}]")
    pytest.fail(f"a stub of {member} keeps {kept}")


def test_one_that_only_wraps_keeps_them(adapter: str) -> None:
    """So it is the lie that breaks them."""
    real = subject(adapter)
    honest = stubbed(real)
    for promise in PROMISES:
        if "mlp" in promise.held_by(real) and "another_process" not in promise.name:
            promise.keep(honest, "mlp")


def test_all_members_are_promised_something() -> None:
    members = {
        m for protocol in (Adapter, Traced, Formable) for m in members_of(protocol)
    }
    assert {m for promise in PROMISES for m in promise.members} == members
    assert ADAPTER.keys() | TRACED.keys() | FORMABLE.keys() == members
