"""Faster forms of ops in 16 bits: kernels that PyTorch has and no ATen call reaches."""

from __future__ import annotations

from .form import Form, substituted
from .sites import sites
from .timing import Timed, fastest_forms, time_forms

__all__ = ["Form", "Timed", "fastest_forms", "sites", "substituted", "time_forms"]
