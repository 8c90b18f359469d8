"""MXNet 1.9: a symbol and its parameters, or a HybridBlock, in; the same out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common.optional import lazily

if TYPE_CHECKING:
    from .answers import answer as answer
    from .answers import devices as devices
    from .opening.load import load_parameters as load_parameters
    from .opening.load import load_symbol as load_symbol
    from .opening.signature import output_names as output_names
    from .opening.signature import signature as signature
    from .opening.supplied import open_supplied as open_supplied
    from .program import Program as Program
    from .program import trace as trace
    from .running.blocks import Model as Model
    from .running.blocks import block_model as block_model
    from .running.predict import as_tensor as as_tensor
    from .running.predict import predictor as predictor
    from .writing.archive import load_saved as load_saved
    from .writing.native import native as native
    from .writing.native import open_native as open_native

dependencies: tuple[str, ...] = ("mxnet",)
executes = True

__getattr__ = lazily(__name__)
