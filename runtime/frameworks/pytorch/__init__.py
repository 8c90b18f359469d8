"""PyTorch: `torch.export` in, `.pt2` out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common.optional import lazily

if TYPE_CHECKING:
    from .answers import answer as answer
    from .answers import devices as devices
    from .compiled_program import under_inductor as under_inductor
    from .compiling.compiled import compile_saved as compile_saved
    from .compiling.compiled import load_compiled as load_compiled
    from .opening.exported_program import open_pt2 as open_pt2
    from .opening.signature import arguments as arguments
    from .opening.signature import signature as signature
    from .opening.supplied import open_supplied as open_supplied
    from .opening.watching import watched as watched
    from .opening.weights.safetensors_files import load_safetensors as load_safetensors
    from .opening.weights.safetensors_files import load_sharded as load_sharded
    from .opening.weights.state_dict import load_state_dict as load_state_dict
    from .program import Program as Program
    from .program import trace as trace
    from .running.calling import with_values as with_values
    from .running.given import native as native
    from .running.predict import as_tensor as as_tensor
    from .running.predict import predictor as predictor
    from .running.predict import tensor as tensor
    from .writing.archive import load_saved as load_saved
    from .writing.archive import open_native as open_native

dependencies: tuple[str, ...] = ("torch", "safetensors")
executes = True

__getattr__ = lazily(__name__)
