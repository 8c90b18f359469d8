"""PyTorch: `torch.export` in, `.pt2` out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..imported import lazily

if TYPE_CHECKING:
    from .answers import answer, devices
    from .compiled_program import under_inductor
    from .compiling.compiled import compile_saved, load_compiled
    from .opening.exported_program import open_pt2
    from .opening.signature import signature
    from .opening.state_dict import load_safetensors, load_state_dict
    from .program import Program, trace
    from .running.predict import predictor
    from .writing.archive import load_saved

__all__ = [
    "Program",
    "answer",
    "compile_saved",
    "dependencies",
    "devices",
    "executes",
    "load_compiled",
    "load_safetensors",
    "load_saved",
    "load_state_dict",
    "open_pt2",
    "predictor",
    "signature",
    "trace",
    "under_inductor",
]

dependencies: tuple[str, ...] = ("torch", "safetensors")
executes = True

__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("answer", "devices"), ".answers"),
        **dict.fromkeys(("compile_saved", "load_compiled"), ".compiling.compiled"),
        "under_inductor": ".compiled_program",
        "open_pt2": ".opening.exported_program",
        "signature": ".opening.signature",
        **dict.fromkeys(("load_safetensors", "load_state_dict"), ".opening.state_dict"),
        **dict.fromkeys(("Program", "trace"), ".program"),
        "predictor": ".running.predict",
        "load_saved": ".writing.archive",
    },
)
