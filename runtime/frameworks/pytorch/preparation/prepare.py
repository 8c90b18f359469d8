"""Passes over the captured graph that change its form and not what it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import fx

from ..ir.prepared import Prepared
from ..ir.regions import hand_constants_in, regions
from .absorbed import named, told
from .constants import fold_constants
from .gelu import join_gelus
from .identities import drop_identities
from .layouts.activations import lay_activations
from .layouts.indices import join_indices
from .layouts.recurrent import lay_recurrent_weights
from .linear_layers import write_linear
from .masks import drop_open_masks
from .norms import fold_batch_norms
from .pads import fold_pads
from .recurrent_layers import split_recurrent_layers

Pass = Callable[[Prepared], None]

PASSES: tuple[Pass, ...] = (
    drop_identities,
    split_recurrent_layers,
    fold_constants,
    fold_batch_norms,
    fold_pads,
    join_gelus,
    write_linear,
    drop_open_masks,
    join_indices,
    lay_recurrent_weights,
)

BODY_PASSES: tuple[Pass, ...] = (fold_constants, fold_batch_norms)
"""A body's copies stay: it must not return what it was given."""


def prepare(module: fx.GraphModule) -> Prepared:
    """Name the ops, then drop identities, fold, and lay activations out."""
    prepared = named(module)
    for region in regions(module, prepared.ids):
        for run in PASSES if region.caller is None else BODY_PASSES:
            run(replace(prepared, module=region.module))
            _tidy(region.module)
        hand_constants_in(region.module)
    lay_activations(prepared)
    return replace(prepared, told=told(prepared))


def _tidy(module: fx.GraphModule) -> None:
    module.graph.eliminate_dead_code()
    module.recompile()
