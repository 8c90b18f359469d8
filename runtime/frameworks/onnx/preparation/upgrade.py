"""Writing a model in a newer opset, in place, its weights untouched.

ONNX's own converter serialises the whole model, weights and all, loses what it does not
know (metadata, functions), and does not go into bodies; this one does.
"""

from __future__ import annotations

import onnx_ir as ir

from ..ir.rewriting.editing import Editor
from .adapters import ADAPTERS, CannotAdapt
from .opsets import own_opset

IR_VERSIONS = {9: 4, 10: 5, 11: 6, 12: 7, 15: 8, 19: 9, 21: 10, 23: 11, 24: 12, 25: 13}
"""Opset → the IR version of the release that brought it."""


def upgrade(model: ir.Model, target: int, editor: Editor) -> None:
    """Write the model in opset `target`.

    Raises:
        CannotAdapt: An op has no like in it; the model is then half converted.
    """
    current = own_opset(model)
    changed: dict[str, list[int]] = {}
    for op_type, version in sorted(ADAPTERS):
        if current < version <= target:
            changed.setdefault(op_type, []).append(version)
    for graph in model.graphs():
        for node in list(graph):
            if not node.domain:
                _adapt(node, changed, editor)
            node.version = None
    model.opset_imports[""] = target
    least = max(version for opset, version in IR_VERSIONS.items() if opset <= target)
    model.ir_version = max(model.ir_version, least)


def _adapt(node: ir.Node, changed: dict[str, list[int]], editor: Editor) -> None:
    """Apply all changes of the op in turn; one may make another op of it."""
    done = 0
    while True:
        later = [v for v in changed.get(node.op_type, ()) if v > done]
        if not later:
            return
        done = later[0]
        try:
            ADAPTERS[node.op_type, done](node, editor)
        except CannotAdapt as error:
            name = node.outputs[0].name
            raise CannotAdapt(f"{node.op_type} `{name}`: {error}") from error
