"""Hash tables: filled from constants, so that no file is needed beside the graph."""

from __future__ import annotations

from ...listing import listed
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
        keys, values = model.content(node)
        stem = f"{node.name}/import"
        filled = NodeDef(name=unused(main.nodes, stem))
        filled.op = "LookupTableImport" + ("V2" if node.op.endswith("V2") else "")
        filled.attr["Tin"].type = node.attr["key_dtype"].type
        filled.attr["Tout"].type = node.attr["value_dtype"].type
        parts = (("keys", keys, "key_dtype"), ("values", values, "value_dtype"))
        filled.input.append(node.name)
        for name, value, dtype in parts:
            part = constant(
                unused(main.nodes, f"{stem}/{name}"), value, node.attr[dtype].type
            )
            main.nodes[part.name] = part
            filled.input.append(part.name)
        main.nodes[filled.name] = filled
        found.append(filled.name)
    return found
