"""MXNet 1.9: a symbol and its parameters, or a HybridBlock, in; the same out."""

from __future__ import annotations

from .opening.load import load_parameters, load_symbol
from .opening.signature import signature
from .program import Program, trace
from .running.blocks import Model, block_model
from .running.predict import predictor
from .writing.archive import load_saved

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
