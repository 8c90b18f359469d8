"""The metrics that `metric` can name and that take parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from .fields import Refused
from .section import Section


def _labels(compare: bool) -> bool:
    if not compare:
        raise Refused(
            "comparing with the fp32 outputs is not supported yet",
            "compare_label: true",
        )
    return compare


class MSE(Section):
    """Mean squared error between outputs and labels; lower is better."""

    compare_label: Annotated[bool, AfterValidator(_labels)] = Field(
        default=True, description="Compare with the labels."
    )
