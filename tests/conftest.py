"""`SWEEP=n` gives every property test n times its examples, a quarter without, and runs
what is marked `nightly` (`make nightly`). `--adapters NAME,...` says whose adapters
`tests/frameworks` runs for.

No test reads or writes the user's cache of costs.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Hashable

import pytest
from hypothesis import settings

CACHE = "NARROWCAST_CACHE"
SWEEP = int(os.environ.get("SWEEP", "0"))
SHARE, FEW = SWEEP or 0.25, 10
"""How many times its examples a property test has, and how many it keeps at least."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--adapters", help="frameworks: pytorch, tensorflow, mxnet, onnx")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    _leave_to_the_night(items)
    seen: set[int] = set()
    for item in items:
        test = getattr(item, "obj", None)
        given = getattr(test, "_hypothesis_internal_use_settings", None)
        # One function is the test of all its parameters.
        if test is not None and given is not None and id(test) not in seen:
            seen.add(id(test))
            count = max(round(SHARE * given.max_examples), min(given.max_examples, FEW))
            shared = settings(given, max_examples=count)
            test._hypothesis_internal_use_settings = shared
    if not SWEEP:
        later = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]


def _leave_to_the_night(items: list[pytest.Item]) -> None:
    """Mark `nightly` all but the first cases of a test that is marked `few`."""
    cases = Counter[Hashable]()
    for item in items:
        few = item.get_closest_marker("few")
        if few is not None:
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] > few.args[0]:
                item.add_marker(pytest.mark.nightly)


def pytest_configure(config: pytest.Config) -> None:
    text = "nightly: slow; the suite has another of the kind, or rarely needs it"
    config.addinivalue_line("markers", text)
    text = "few(n): only the first n cases are in the suite, the others are nightly"
    config.addinivalue_line("markers", text)
    # How long an example takes says nothing but what else the machine does.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    os.environ[CACHE] = tempfile.mkdtemp(prefix="narrowcast-cache-")


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ.pop(CACHE), ignore_errors=True)
