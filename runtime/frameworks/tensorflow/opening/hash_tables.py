"""Hash tables: filled from constants, so that no file is needed beside the graph."""

from __future__ import annotations

import numpy as np

from ...listing import listed
from ...protocol import Array
from ..bodies.bodies import Body
from ..bodies.inline import unused
from ..ir.frozen import Freezable
from ..ir.protos import NodeDef
from ..ir.weights import constant

TABLES = listed(
    """
    HashTable HashTableV2 MutableDenseHashTable MutableDenseHashTableV2
    MutableHashTable MutableHashTableOfTensors MutableHashTableOfTensorsV2
    MutableHashTableV2
    """
)


def filled_tables(model: Freezable, main: Body) -> list[str]:
    """Add nodes that fill the main graph's tables; their names."""
    found = []
    for node in [node for node in main.nodes.values() if node.op in TABLES]:
        keys, values = _in_order(*model.content(node))
        stem = f"{node.name}/import"
        filled = NodeDef(name=unused(main.nodes, stem))
        filled.op = "LookupTableImport" + ("V2" if node.op.endswith("V2") else "")
        key_type = node.attr["key_dtype"].type
        value_type = node.attr["value_dtype"].type
        filled.attr["Tin"].type, filled.attr["Tout"].type = key_type, value_type
        filled.input.append(node.name)
        for name, value, dtype in (
            ("keys", keys, key_type),
            ("values", values, value_type),
        ):
            part = constant(unused(main.nodes, f"{stem}/{name}"), value, dtype)
            main.nodes[part.name] = part
            filled.input.append(part.name)
        main.nodes[filled.name] = filled
        found.append(filled.name)
    return found


def _in_order(keys: Array, values: Array) -> tuple[Array, Array]:
    """By the keys: a table gives its rows in another order in each process."""
    rows = keys.tolist()
    order = np.array(sorted(range(len(rows)), key=rows.__getitem__), int)
    return keys[order], values[order]
