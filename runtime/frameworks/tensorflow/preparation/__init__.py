"""Passes over the fp32 graph that change its form and not what it computes."""

from .. import ir  # noqa: F401
