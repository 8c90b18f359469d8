"""Which tensor of a checkpoint a SavedModel restores into which of its variables.

Read out of the subgraph that would restore them, which is never run: a file that a
model's own restore opens is whatever the model says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow.python.framework import tensor_util

from ...bodies.bodies import MAIN, Body, source, split
from ...bodies.inline import inline_calls
from ...bodies.reachable import needed
from ...ir.naming import parsed

ASSIGNS = frozenset(["Assign", "AssignVariableOp"])
IMPORTS = frozenset(["LookupTableImport", "LookupTableImportV2"])
PASSES = frozenset(["Identity", "Cast", "Reshape"])


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a variable's value is in the checkpoint.

    Attributes:
        key: The tensor's.
        slice: Which part, as RestoreV2 writes it; "" for all.
    """

    key: str
    slice: str


Restores = Mapping[str, tuple[Stored, ...]]
"""Node of a variable, or of a table (keys, values) → what is restored into it."""


def restores(meta_graph: Any) -> Restores:
    """What the SavedModel's restore op would put where."""
    restore = meta_graph.saver_def.restore_op_name
    if not restore:
        return {}
    graph = split(needed(meta_graph.graph_def, [restore]))
    graph[MAIN].controls = {"restore": parsed(restore)[0]}
    main = inline_calls(graph)[MAIN]
    found = {}
    for node in main.nodes.values():
        if node.op in ASSIGNS | IMPORTS:
            values = [_stored(main, each) for each in node.input[1:] if each[0] != "^"]
            target = source(main, node.input[0], PASSES)[0]
            stored = tuple(each for each in values if each is not None)
            if stored and len(stored) == len(values):
                found[target] = stored
    return found


def _stored(body: Body, tensor: str) -> Stored | None:
    """What RestoreV2 reads for a tensor, None if it comes from elsewhere."""
    name, index = source(body, tensor, PASSES)
    node = body.nodes.get(name)
    if node is None or node.op != "RestoreV2":
        return None
    keys, slices = (list(_texts(body, each)) for each in node.input[1:3])
    if index >= len(keys) or len(keys) != len(slices):
        return None
    return Stored(keys[index], slices[index])


def _texts(body: Body, tensor: str) -> Iterator[str]:
    node = body.nodes.get(source(body, tensor, PASSES)[0])
    if node is not None and node.op == "Const":
        values = tensor_util.MakeNdarray(node.attr["value"].tensor)
        for each in np.ravel(values):
            yield each.decode()
