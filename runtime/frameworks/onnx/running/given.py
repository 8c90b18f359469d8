"""The model that a script was given: loaded by it, or supplied by a caller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir

from ....common.errors import DamagedError, DataError, ModelError
from ...feeding.dtypes import STRING, conformed, dtype_name
from ...inputs import Input, places, transposing
from ...protocol import Array, Inputs
from ...refusals import Damaged
from ..ir.naming import spelled
from ..ir.proto import normalise
from ..ir.serialization import initializers


def model_of(model: object) -> ir.Model:
    """An onnx-ir model, from that or from an `onnx.ModelProto`; neither is changed.

    Raises:
        ModelError: It is something else.
    """
    if isinstance(model, onnx.ModelProto):
        model = ir.from_proto(_normal(model))
    if not isinstance(model, ir.Model):
        raise ModelError(
            f"the model is a {type(model).__name__}, no ONNX model",
            "Give an onnx_ir.Model, an onnx.ModelProto, or load_onnx(path).",
        )
    if not any(
        isinstance(v.const_value, ir.ExternalTensor) for v in initializers(model)
    ):
        return model
    copy = model.clone()
    copy.meta.update(model.meta)
    for value in initializers(copy):
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor):
            value.const_value = ir.Tensor(
                tensor.numpy(), tensor.dtype, name=tensor.name
            )
    return copy


def _normal(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy as `normalise` writes it.

    Raises:
        ModelError: A part of it is damaged.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    try:
        normalise(copy)
    except Damaged as error:
        raise DamagedError(f"the model {error}", "Export it again.") from error
    return copy


def own_inputs(model: ir.Model) -> list[ir.Value]:
    """The inputs that must be given: without those that have a default."""
    return [value for value in model.graph.inputs if not value.is_initializer()]


ORDER = "narrowcast.inputs"
"""Key of a converted model's metadata: places of its inputs in a batch, where the
script's batches come in another order than the model's own."""


def record_order(model: ir.Model, places: Sequence[int]) -> None:
    """Let a converted model, saved ones too, be called with batches as they come."""
    if list(places) != sorted(places):
        model.metadata_props[ORDER] = " ".join(map(str, places))


def order(model: ir.Model, inputs: Sequence[Input]) -> list[int]:
    """Place in the batch of each of the model's inputs, in the model's order.

    Args:
        inputs: As the spec declares them, in the batch's order; none: the one recorded
            when the model was converted, else the model's.

    Raises:
        DataError: A name is unknown, or an input of the model is not named.
    """
    own = [str(value.name) for value in own_inputs(model)]
    if not inputs:
        recorded = model.metadata_props.get(ORDER, "").split()
        return [int(place) for place in recorded] or list(range(len(own)))
    return places(own, [one.name for one in inputs])


def arrays(model: ir.Model, batch: Inputs, places: Sequence[int]) -> tuple[Array, ...]:
    """The batch in the model's order, as NumPy arrays.

    Raises:
        DataError: Their number or a dtype is not what the model takes.
    """
    own = own_inputs(model)
    if len(batch) != len(own):
        raise DataError(
            f"{len(batch)} inputs are given, the model takes {len(own)}: "
            f"{', '.join(str(value.name) for value in own)}",
            "Give one for each, in the order of model.inputs.",
        )
    found = tuple(np.asarray(batch[place]) for place in places)
    for value, array in zip(own, found, strict=True):
        check_tensor(value)
        _check_sizes(str(value.name), value.shape, array)
    return tuple(map(_taken, own, found))


def check_tensor(value: ir.Value) -> None:
    """Raise a ModelError for an input that is neither a tensor nor an optional one."""
    type_ = value.type
    if isinstance(type_, ir.OptionalType):
        type_ = type_.elem_type
    if type_ is None or isinstance(type_, ir.TensorType):
        return
    raise ModelError(
        f"input {value.name} of the model is no tensor",
        "Only models whose inputs are tensors can be converted.",
    )


def _taken(value: ir.Value, array: Array) -> Array:
    """An array in the type that an input has.

    Scripts make fp32 of what the spec declares so: that becomes the model's own.

    Raises:
        DataError: It is of another type, or its values are not of the model's.
    """
    if value.dtype is None:
        return array
    wanted, given = spelled(value.dtype), dtype_name(array)
    if given == wanted == STRING:
        return _decoded(array, str(value.name))
    if given == wanted or given != "float32" or wanted == STRING:
        _check_same(str(value.name), given, wanted)
        return array
    return conformed(array, wanted, f"input {value.name}")


def _check_same(name: str, given: str, wanted: str) -> None:
    if given != wanted:
        raise DataError(
            f"input {name} is {given}, the model takes {wanted}",
            f"Write it: inputs: [{{name: {name}, dtype: {wanted}}}].",
        )


def _decoded(array: Array, name: str) -> Array:
    """An array of str: of bytes objects, ONNX Runtime takes what Python prints."""
    try:
        texts = [e.decode() if isinstance(e, bytes) else str(e) for e in array.flat]
    except UnicodeDecodeError as error:
        raise DataError(
            f"input {name} holds bytes that are no UTF-8: {error.reason}",
            "ONNX's strings are text. Give bytes as uint8.",
        ) from error
    return np.array(texts, object).reshape(array.shape)


def _check_sizes(name: str, shape: ir.Shape | None, array: Array) -> None:
    """Hold an array against the sizes that the model is fixed to.

    Raises:
        DataError: Its rank or one of the sizes differs.
    """
    if shape is None:
        return
    fits = len(shape) == array.ndim and all(
        not isinstance(wanted, int) or wanted == size
        for wanted, size in zip(shape, array.shape, strict=True)
    )
    if fits:
        return
    sizes = ", ".join(str(size) for size in shape)
    remedy = transposing(tuple(shape), array.shape) or (
        f"Give it so, and write the shape in model.inputs: [{sizes}]."
    )
    if len(shape) == array.ndim and tuple(shape)[1:] == array.shape[1:]:
        remedy = (
            f"Write batch_size: {shape[0]} and last_batch: discard where data is read; "
            f"the first size in model.inputs is {shape[0]}."
        )
    raise DataError(
        f"input {name} has shape {array.shape}, the model takes ({sizes})", remedy
    )
