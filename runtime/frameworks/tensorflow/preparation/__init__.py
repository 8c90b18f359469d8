"""Passes over the fp32 graph that change its form and not what it computes."""

from ..ir import first_import  # noqa: F401
