"""`SWEEP=n` gives every property test n times its examples (`make nightly`)."""

import os

import pytest
from hypothesis import settings

SWEEP = int(os.environ.get("SWEEP", "1"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items if SWEEP > 1 else ():
        test = getattr(item, "obj", None)
        given = getattr(test, "_hypothesis_internal_use_settings", None)
        if test is not None and given is not None:
            more = settings(given, max_examples=SWEEP * given.max_examples)
            test._hypothesis_internal_use_settings = more
