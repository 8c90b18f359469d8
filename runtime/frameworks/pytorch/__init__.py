"""PyTorch: `torch.export` in, `.pt2` out."""

from __future__ import annotations

from .archive import load_saved
from .compiled import compile_saved, load_compiled
from .exported import open_pt2
from .inductor import under_inductor
from .predict import predictor
from .program import Program, trace
from .weights import load_safetensors, load_state_dict

__all__ = [
    "Program",
    "compile_saved",
    "load_compiled",
    "load_safetensors",
    "load_saved",
    "load_state_dict",
    "open_pt2",
    "predictor",
    "trace",
    "under_inductor",
]
