"""MXNet 1.9: a symbol and its parameters, or a HybridBlock, in; the same out."""

from __future__ import annotations

from .archive import load_saved
from .blocks import Model, block_model
from .opening import load_parameters, load_symbol
from .predict import predictor
from .program import Program, trace
from .signature import signature

__all__ = [
    "Model",
    "Program",
    "block_model",
    "load_parameters",
    "load_saved",
    "load_symbol",
    "predictor",
    "signature",
    "trace",
]
