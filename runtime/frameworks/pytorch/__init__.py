"""PyTorch: `torch.export` in, `.pt2` out."""

from __future__ import annotations

from .compiling.compiled import compile_saved, load_compiled
from .compiling.inductor import under_inductor
from .opening.exported_program import open_pt2
from .opening.state_dict import load_safetensors, load_state_dict
from .program import Program, trace
from .running.predict import predictor
from .writing.archive import load_saved

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
