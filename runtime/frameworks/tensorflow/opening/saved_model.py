"""Opening a SavedModel of any TensorFlow: its file is read, its loader never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from ....common.errors import DamagedError, ModelError
from ....common.suggestion import chosen, suggestion
from ...opening.named import not_there
from ..bodies.bodies import MAIN, split
from ..bodies.inline import inline_calls
from ..bodies.reachable import needed
from ..bodies.variables import variable_nodes
from ..ir.frozen import SERVE, Signature
from ..ir.naming import parsed
from ..ir.protos import SavedModel
from ..ir.traversal import reachable
from .checkpoint.assets import check_inside, with_assets
from .checkpoint.objects import captured
from .checkpoint.restores import Restores, restores
from .checkpoint.values import Checkpoint
from .graph_model import GraphModel, Read
from .hash_tables import TABLES, importing
from .placeholders import fed
from .signature import signature_of
from .untrusted.graphs import check_graph, check_text_files

KEY = "serving_default"
"""What `tf.saved_model.save` calls a signature without a name."""

INIT_OP = "__saved_model_init_op"
INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op", "table_initializer")
KEYS_AND_VALUES = ("keys", "values")
"""What a checkpoint holds of a table."""

FOLDER = "A SavedModel is the folder in which saved_model.pb is, a frozen graph is a .pb file."
AGAIN = "Save it again with tf.saved_model.save, or copy it again."


def load_saved_model(
    path: Path,
    *,
    signature: str | None = KEY,
    outputs: Sequence[str] = (),
    trust: bool = False,
    place: str = "",
) -> GraphModel:
    """Open a SavedModel, TensorFlow 2's or 1's.

    Ops of the graph that the signatures need are checked, nothing else is imported;
    variables are read out of the checkpoint. Its own loading code, which may restore
    files and run Python classes, is not run.

    Args:
        path: The folder.
        signature: The one that is evaluated; others are converted too. None for
            `serving_default`, or the only one.
        outputs: Those of its outputs that are judged and kept; all without names.
        trust: Take ops that read or write files, run Python, ….
        place: What messages start with; the spec's key without it.

    Raises:
        ModelError: It is missing, damaged, not safe to open, or has no such signature.
    """
    place = place or f"model.path: {path.name}"
    meta_graph = _served(_parsed(path, place), place)
    try:
        return _model(meta_graph, path, place, signature, outputs, trust)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{place} is damaged: its graph does not fit together ({error!r})", AGAIN
        ) from error


def _model(
    meta_graph: Any,
    path: Path,
    place: str,
    wanted: str | None,
    outputs: Sequence[str],
    trust: bool,
) -> GraphModel:
    first, *others = _signatures(meta_graph, wanted, place)
    kept = chosen(outputs, [each.name for each in first.outputs], place)
    first = replace(first, outputs=tuple(first.outputs[k] for k in kept))
    signatures = (first, *others)
    graph_def, signatures = fed(meta_graph.graph_def, signatures)
    roots = [e.tensor for s in signatures for e in (*s.inputs, *s.outputs)]
    initial = _initial(meta_graph)
    graph_def = needed(graph_def, [*roots, *initial])
    if not trust:
        check_inside(path, place)
        check_graph(graph_def, place)
    assets = with_assets(graph_def, meta_graph, path, place)
    if not trust:
        graph = split(graph_def)
        graph[MAIN].controls = {name: name for name in initial}
        check_text_files(inline_calls(graph), assets.keys(), place)
    found, checkpoint = _stored(meta_graph, graph_def, path, place, initial)
    reads, sizes = _variables(found, checkpoint, graph_def, initial)
    initial += _filled(graph_def, found, checkpoint)
    producer = meta_graph.meta_info_def.stripped_op_list
    return GraphModel(
        graph_def,
        signatures,
        place,
        reads,
        sizes,
        initial,
        producer if producer.op else None,
        tuple(meta_graph.meta_info_def.tags),
    )


def _parsed(path: Path, place: str) -> Any:
    binary, text = path / "saved_model.pb", path / "saved_model.pbtxt"
    if not path.is_dir():
        if not path.exists():
            raise not_there(path, place, FOLDER)
        raise ModelError(f"{place} is a file, no SavedModel folder", FOLDER)
    found = SavedModel()
    try:
        if text.is_file() and not binary.is_file():
            text_format.Parse(text.read_text(), found)
        else:
            found.ParseFromString(binary.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{place} {_without(path)}", _remedy(path)) from error
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"{place}: saved_model.pb is cut short or damaged", AGAIN
        ) from error
    except OSError as error:
        raise DamagedError(
            f"{place} can't be read: {error.strerror or error}"
        ) from error
    return found


def _without(path: Path) -> str:
    if (path / "saved_model.cpb").exists():
        return "is larger than 2 GB without its variables (saved_model.cpb)"
    return "has no saved_model.pb"


def _remedy(path: Path) -> str:
    inner = sorted(each.parent.name for each in path.glob("*/saved_model.pb"))
    if inner:
        return f"There is one in {path.name}/{inner[-1]}: name that folder."
    if (path / "keras_metadata.pb").exists() or (path / "config.json").exists():
        return (
            "It looks like a Keras folder: save it as .keras, or with model.export()."
        )
    return "Name the folder that tf.saved_model.save wrote."


def _served(saved: Any, place: str) -> Any:
    """The MetaGraph that is for serving."""
    for meta_graph in saved.meta_graphs:
        if SERVE in meta_graph.meta_info_def.tags:
            return meta_graph
    tags = [", ".join(m.meta_info_def.tags) or "none" for m in saved.meta_graphs]
    if not tags:
        raise ModelError(f"{place}: saved_model.pb holds no graph", AGAIN)
    raise ModelError(
        f"{place} has no graph with the tag {SERVE} (tags: {'; '.join(tags)})",
        "Save it again with tf.saved_model.save.",
    )


def _signatures(
    meta_graph: Any, wanted: str | None, place: str
) -> tuple[Signature, ...]:
    """The one that is converted, then the others by name."""
    found = {
        key: definition
        for key, definition in meta_graph.signature_def.items()
        if key != INIT_OP and definition.outputs
    }
    if not found:
        raise ModelError(
            f"{place} has no signatures",
            "Save it with tf.saved_model.save(model, path, signatures=…), so that "
            "others can call it.",
        )
    if wanted is None:
        wanted = next(iter(found)) if len(found) == 1 else KEY
    if wanted not in found:
        raise ModelError(
            f"{place} has no signature {wanted}", suggestion(wanted, sorted(found))
        )
    keys = [wanted, *sorted(found.keys() - {wanted})]
    graph_def = meta_graph.graph_def
    return tuple(signature_of(found[key], key, graph_def, place) for key in keys)


def _initial(meta_graph: Any) -> tuple[str, ...]:
    """Nodes that fill tables and the like."""
    found = []
    if INIT_OP in meta_graph.signature_def:
        outputs = meta_graph.signature_def[INIT_OP].outputs
        found = [outputs[key].name for key in sorted(outputs)]
    for name in INIT_COLLECTIONS:
        if not found and name in meta_graph.collection_def:
            found = list(meta_graph.collection_def[name].node_list.value)
    return tuple(parsed(name)[0] for name in found)


def _stored(
    meta_graph: Any,
    graph_def: Any,
    path: Path,
    place: str,
    initial: Sequence[str],
) -> tuple[Restores, Checkpoint | None]:
    """What the checkpoint holds of a graph's state; None if there is none.

    Args:
        initial: Nodes that give variables their values without one.
    """
    prefix = path / "variables" / "variables"
    found = restores(meta_graph)
    tables = {node.name for node in graph_def.node if node.op in TABLES}
    variables = set(variable_nodes(graph_def))
    started = not prefix.parent.exists() and reachable(graph_def.node, initial)
    if not variables - (started or set()) and not tables & found.keys():
        return {}, None
    checkpoint = Checkpoint(prefix, place)
    if variables - found.keys():
        found = {**captured(meta_graph, checkpoint.objects), **found}
    return found, checkpoint


def _variables(
    found: Restores,
    checkpoint: Checkpoint | None,
    graph_def: Any,
    initial: tuple[str, ...],
) -> tuple[dict[str, Read], dict[str, int]]:
    """Variables that the graph has: how to read each, and its bytes.

    Args:
        initial: Nodes that give a value to those that have none stored.
    """
    if checkpoint is None:
        return {}, {}
    started = reachable(graph_def.node, initial)
    names = [n for n in variable_nodes(graph_def) if n in found or n not in started]
    for name in names:
        checkpoint.check(name, found)
    reads: dict[str, Read] = {
        name: partial(checkpoint.value, found[name][0]) for name in names
    }
    return reads, {name: checkpoint.bytes(found[name][0]) for name in names}


def _filled(
    graph_def: Any, found: Restores, checkpoint: Checkpoint | None
) -> tuple[str, ...]:
    """Have tables start with what the checkpoint holds; names of the nodes that do it."""
    tables = [node for node in graph_def.node if node.op in TABLES]
    names = []
    for table in tables:
        if checkpoint is None or len(found.get(table.name, ())) != len(KEYS_AND_VALUES):
            continue
        checkpoint.check(table.name, found)
        keys, values = map(checkpoint.value, found[table.name])
        taken = {node.name for node in graph_def.node}
        nodes = importing(table, keys, values, taken)
        graph_def.node.extend(nodes)
        names.append(nodes[-1].name)
    return tuple(names)
