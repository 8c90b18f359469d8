"""A SignatureDef's inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ....common.errors import ModelError
from ...feeding.dtypes import STRING
from ...inputs import Input
from ..ir.frozen import PREDICT, Endpoint, Model, Signature
from ..ir.naming import flat, parsed


def signature_of(definition: Any, key: str, graph_def: Any, place: str) -> Signature:
    """A SignatureDef: inputs in the order of the graph's nodes, outputs by name.

    Raises:
        ModelError: It has sparse or ragged tensors, or tensors that nothing makes.
    """
    nodes = {node.name: k for k, node in enumerate(graph_def.node)}
    inputs = _endpoints(definition.inputs, nodes, f"{place}: signature {key}")
    outputs = _endpoints(definition.outputs, nodes, f"{place}: signature {key}")
    inputs.sort(key=lambda each: (nodes[parsed(each.tensor)[0]], each.name))
    method = definition.method_name or PREDICT
    return Signature(key, tuple(inputs), tuple(outputs), method)


def _endpoints(
    infos: Mapping[str, Any], nodes: Mapping[str, int], place: str
) -> list[Endpoint]:
    found = []
    for name in sorted(infos):
        info = infos[name]
        if info.WhichOneof("encoding") != "name":
            raise ModelError(
                f"{place}: {name} is a sparse or ragged tensor",
                "Save the model with a signature of dense tensors.",
            )
        tensor = flat(*parsed(info.name))
        if parsed(tensor)[0] not in nodes:
            raise ModelError(
                f"{place}: {name} is {info.name}, which no node makes",
                "The file is damaged: copy it again.",
            )
        found.append(
            Endpoint(name, tensor, name_of(info.dtype), sizes(info.tensor_shape))
        )
    return found


def name_of(dtype: int) -> str:
    """NumPy's name of a TensorFlow dtype ("object" for strings)."""
    known = tf.as_dtype(dtype).base_dtype
    return "object" if known == tf.string else str(known.name)


def sizes(shape: Any) -> tuple[int | None, ...] | None:
    """A TensorShapeProto: None where a size varies; None if the rank does."""
    if shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else int(dim.size) for dim in shape.dim)


def signature(model: Model) -> tuple[Input, ...]:
    """The model's inputs as a spec would declare them: symbols for sizes that vary.

    An input of unknown rank has no shape: the spec or the data must say more.
    """
    return tuple(
        Input(e.name, None if e.shape is None else _symbols(e.shape), _spelled(e.dtype))
        for e in model.signature.inputs
    )


def output_names(model: Model) -> tuple[str, ...]:
    """As `Naming.output_names`: those of the signature."""
    return tuple(each.name for each in model.signature.outputs)


def _spelled(dtype: str) -> str:
    return STRING if dtype == "object" else dtype


def _symbols(shape: tuple[int | None, ...]) -> tuple[int | str, ...]:
    return tuple(
        size if size is not None else ("batch" if k == 0 else f"dim_{k}")
        for k, size in enumerate(shape)
    )
