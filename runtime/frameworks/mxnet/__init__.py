"""MXNet 1.9: a symbol and its parameters, or a HybridBlock, in; the same out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..imported import lazily

if TYPE_CHECKING:
    from .answers import answer, devices
    from .opening.load import load_parameters, load_symbol
    from .opening.signature import signature
    from .program import Program, trace
    from .running.blocks import Model, block_model
    from .running.predict import predictor
    from .writing.archive import load_saved

__all__ = [
    "Model",
    "Program",
    "answer",
    "block_model",
    "dependencies",
    "devices",
    "executes",
    "load_parameters",
    "load_saved",
    "load_symbol",
    "predictor",
    "signature",
    "trace",
]

dependencies: tuple[str, ...] = ("mxnet",)
executes = True

__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("answer", "devices"), ".answers"),
        **dict.fromkeys(("load_parameters", "load_symbol"), ".opening.load"),
        "signature": ".opening.signature",
        **dict.fromkeys(("Program", "trace"), ".program"),
        **dict.fromkeys(("Model", "block_model"), ".running.blocks"),
        "predictor": ".running.predict",
        "load_saved": ".writing.archive",
    },
)
