"""Which adapters `tests/frameworks` runs for: never for none."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import pytest
from contract import SIDES

FRAMEWORKS = {
    "pytorch": "torch",
    "tensorflow": "tensorflow",
    "mxnet": "mxnet",
    "onnx": "onnx",
}
"""What `--adapters` may name → the module without which its adapters can't run."""


def adapters(config: pytest.Config) -> tuple[str, ...]:
    """Names of the adapters: of the frameworks that `--adapters` names, else of all that
    are installed.

    Raises:
        UsageError: There is none, or one that is asked for is not installed.
    """
    return _adapters(config.getoption("--adapters"))


@cache
def _adapters(asked: str | None) -> tuple[str, ...]:
    names = [name for name, module in FRAMEWORKS.items() if find_spec(module)]
    if not names:
        raise pytest.UsageError(f"none of {[*FRAMEWORKS]} is installed here")
    if asked is not None:
        for name in set(asked.split(",")) - set(names):
            raise pytest.UsageError(f"--adapters: {name} is none of {names}")
        names = asked.split(",")
    return tuple(each for each, side in SIDES.items() if side.zoo in names)
