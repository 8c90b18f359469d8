"""Hash tables: filled from constants, so that no file is needed beside the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ..bodies.bodies import Body
from ..bodies.constants import constant
from ..bodies.inline import unused
from ..ir.protos import NodeDef

if TYPE_CHECKING:
    from ..running.session import GraphSession
    from .graph_model import GraphModel

TABLES = frozenset(
    [
        "HashTable",
        "HashTableV2",
        "MutableDenseHashTable",
        "MutableDenseHashTableV2",
        "MutableHashTable",
        "MutableHashTableOfTensors",
        "MutableHashTableOfTensorsV2",
        "MutableHashTableV2",
    ]
)


def filled_tables(model: GraphModel, main: Body) -> list[str]:
    """Add nodes that fill the main graph's tables; their names."""
    found = []
    for node in [node for node in main.nodes.values() if node.op in TABLES]:
        keys, values = _content(model.session, node)
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


def _content(session: GraphSession, node: Any) -> tuple[Any, Any]:
    """Keys and values that the table has when the model has been loaded."""
    handle = session.graph.get_tensor_by_name(f"{node.name}:0")
    with session.graph.as_default():
        export = (
            tf.raw_ops.LookupTableExportV2
            if node.op.endswith("V2")
            else tf.compat.v1.raw_ops.LookupTableExport
        )
        made = export(
            table_handle=handle,
            Tkeys=tf.as_dtype(node.attr["key_dtype"].type),
            Tvalues=tf.as_dtype(node.attr["value_dtype"].type),
        )
    keys, values = session.fetch([made.keys.name, made.values.name])
    return keys, values
