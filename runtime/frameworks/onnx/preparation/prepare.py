"""An fp32 model that computes what the loaded one does, and may be converted."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ....graph.graph import Precision
from ..ir.inline import Calls
from ..ir.prepared import Prepared
from ..ir.quantized.kernels import ANY, Int8
from ..ir.quantized.parts import parts
from ..ir.rewriting.editing import Editor, editor
from ..ir.shape_inference import infer_types
from .absorbed import Names, ledger_of, told
from .adapters import CannotAdapt
from .constants import fold_constants, lift_constants
from .identities import drop_identities
from .norms import fold_batch_norms
from .opsets import NEWEST, needed, own_opset
from .spelling import einsum, gelu
from .spelling.quantized import spell_quantized
from .unused import drop_unused, merge_weights
from .upgrade import upgrade


def prepare(
    model: ir.Model,
    calls: Calls,
    *,
    low: Precision,
    newest: int = NEWEST,
    int8: Int8 = ANY,
) -> Prepared:
    """Write the model in an opset that has `low`, and fold what can be folded.

    Args:
        model: What `plain` made; it is not changed, tensors are shared.
        newest: The opset up to which it may be upgraded.
        int8: What the runtime computes in int8.
    """
    draft, notes = _upgraded(model, calls, low, newest, int8)
    notes += spell_quantized(draft.model, draft.editor, draft.ledger, int8, low)
    drop_identities(draft.model)
    if low is Precision.BF16:
        einsum.write_einsums(draft.model, draft.editor, draft.ledger)
    fold_constants(draft.model)
    if own_opset(draft.model) >= gelu.SINCE:
        gelu.join_gelus(draft.model, draft.ledger)
    fold_batch_norms(draft.model, draft.editor, draft.ledger)
    drop_unused(draft.model)
    merge_weights(draft.model)
    infer_types(draft.model)
    return Prepared(draft.model, told(draft.ledger, draft.model, calls), notes)


@dataclass(frozen=True)
class _Draft:
    model: ir.Model
    editor: Editor
    ledger: Names


def _upgraded(
    model: ir.Model, calls: Calls, low: Precision, newest: int, int8: Int8
) -> tuple[_Draft, tuple[str, ...]]:
    """A copy in the opset that `low` needs, or as it is where an op has no like there."""
    draft = _draft(model, calls)
    opset = own_opset(model)
    target = needed(draft.model, low, newest, parts(draft.model, int8))
    if target < gelu.SINCE <= newest and any(gelu.gelus(draft.model)):
        target = gelu.SINCE
    if target == opset:
        return draft, ()
    try:
        upgrade(draft.model, target, draft.editor)
    except CannotAdapt as error:
        why = f"opset {opset} stays: {low} needs {target}, which has no {error}"
        return _draft(model, calls), (why,)
    for new, old in draft.editor.added.items():
        draft.ledger.absorb(new, old)
    return draft, (f"opset {opset} → {target}",)


def _draft(model: ir.Model, calls: Calls) -> _Draft:
    copy = model.clone()
    copy.meta.update(model.meta)
    infer_types(copy)
    lift_constants(copy)
    return _Draft(copy, editor(copy), ledger_of(copy, calls))
