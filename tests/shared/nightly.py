"""Cases of a kind that the suite has a few of, and `make nightly` all."""

from collections.abc import Iterable
from typing import Any

import pytest


def some(cases: Iterable[Any], every: int, *, several: bool = False) -> list[Any]:
    """The cases: the first of each `every` in the suite too, the others nightly.

    Args:
        several: Whether a case is the values of several arguments.
    """
    return [
        pytest.param(
            *(case if several else (case,)),
            marks=[pytest.mark.nightly] * bool(k % every),
        )
        for k, case in enumerate(cases)
    ]
