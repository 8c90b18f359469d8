"""`SWEEP=n` gives every property test n times its examples (`make nightly`), and
`--adapters NAME,...` says whose adapters `tests/frameworks` runs for.

No test reads or writes the user's cache of costs.
"""

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

CACHE = "NARROWCAST_CACHE"
SWEEP = int(os.environ.get("SWEEP", "1"))
EXAMPLES = 50 if SWEEP == 1 else 100
"""Of each property test that says no number itself, before the sweep."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--adapters", help="frameworks: pytorch, tensorflow, mxnet, onnx")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items if SWEEP > 1 else ():
        test = getattr(item, "obj", None)
        given = getattr(test, "_hypothesis_internal_use_settings", None)
        if test is not None and given is not None:
            more = settings(given, max_examples=SWEEP * given.max_examples)
            test._hypothesis_internal_use_settings = more


def pytest_configure() -> None:
    # How long an example takes says nothing but what else the machine does.
    settings.register_profile("untimed", deadline=None, max_examples=EXAMPLES)
    settings.load_profile("untimed")
    os.environ[CACHE] = tempfile.mkdtemp(prefix="narrowcast-cache-")


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ.pop(CACHE), ignore_errors=True)
