"""Hash tables: filled from constants, so that no file is needed beside the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
        made = importing(node, *_in_order(*model.content(node)), main.nodes)
        main.nodes.update((each.name, each) for each in made)
        found.append(made[-1].name)
    return found


def importing(table: Any, keys: Array, values: Array, names: Iterable[str]) -> Any:
    """Nodes that fill a table, the one that does last.

    Args:
        names: Of the nodes that are there.
    """
    taken = set(names)
    stem = f"{table.name}/import"
    filled = NodeDef(name=unused(taken, stem), input=[table.name])
    filled.op = "LookupTableImport" + ("V2" if table.op.endswith("V2") else "")
    made = []
    for name, value, own, dtype in (
        ("keys", keys, "Tin", table.attr["key_dtype"].type),
        ("values", values, "Tout", table.attr["value_dtype"].type),
    ):
        filled.attr[own].type = dtype
        made.append(constant(unused(taken, f"{stem}/{name}"), value, dtype))
        filled.input.append(made[-1].name)
    return [*made, filled]


def _in_order(keys: Array, values: Array) -> tuple[Array, Array]:
    """By the keys: a table gives its rows in another order in each process."""
    rows = keys.tolist()
    order = np.array(sorted(range(len(rows)), key=rows.__getitem__), int)
    return keys[order], values[order]
