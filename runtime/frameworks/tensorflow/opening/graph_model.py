"""A SavedModel or a frozen graph as loaded: run as it is, and frozen on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import tensorflow as tf

from ....common.errors import DataError, ModelError
from ...protocol import Array, Inputs, Outputs
from ..ir.frozen import SERVE, Frozen, Signature
from ..running.reasons import FAILURES, FIT, failed, reason
from ..running.session import GraphSession
from .freeze import frozen

Read = Callable[[], Array]


@dataclass(frozen=True)
class GraphModel:
    """A graph, its variables' values, and the ways to call it.

    Attributes:
        graph_def: What the signatures and `initial` need of the user's graph.
        signatures: The one that is converted first.
        place: What messages start with ("model.path: model.pb").
        variables: Node of a variable → reads its value.
        bytes: Of each variable.
        initial: Nodes that run once before the first call.
        producer: Ops as the file's TensorFlow knew them, None for this one's.
        tags: Of the SavedModel.
        folder: Kept while the model is, since variables are read from it.
    """

    graph_def: Any
    signatures: tuple[Signature, ...]
    place: str
    variables: Mapping[str, Read] = field(default_factory=dict)
    bytes: Mapping[str, int] = field(default_factory=dict)
    initial: tuple[str, ...] = ()
    producer: Any = None
    tags: tuple[str, ...] = (SERVE,)
    folder: Any = None

    @property
    def signature(self) -> Signature:
        """The one that is converted."""
        return self.signatures[0]

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """As `Model`; raises a DataError for inputs that don't fit the model."""
        if len(inputs) != len(self.signature.inputs):
            raise DataError(
                f"{self.place} takes {len(self.signature.inputs)} inputs, it is "
                f"given {len(inputs)}",
                FIT,
            )
        try:
            return self.session(inputs)
        except FAILURES as error:
            raise failed(self.place, error) from error

    def called(self, key: str, inputs: Inputs, /) -> Outputs:
        """As `Signatures.called`."""
        (wanted,) = (each for each in self.signatures if each.key == key)
        try:
            self.session.restart()
            return self.session.fetched(wanted, inputs)
        except FAILURES as error:
            raise failed(f"signature {key}", error) from error
        finally:
            self.session.restart()

    def restart(self) -> None:
        """Bring state back to what it was when the model was loaded."""
        self.session.restart()

    def value(self, variable: str) -> Array:
        """A variable's value when the model has been loaded."""
        if variable in self.variables:
            return self.variables[variable]()
        self.session.restart()
        return self.session.variable(variable)

    def content(self, table: Any) -> tuple[Any, Any]:
        """Keys and values that a table's node has when the model has been loaded."""
        graph = self.session.graph
        with graph.as_default():
            export = (
                tf.raw_ops.LookupTableExportV2
                if table.op.endswith("V2")
                else tf.compat.v1.raw_ops.LookupTableExport
            )
            made = export(
                table_handle=graph.get_tensor_by_name(f"{table.name}:0"),
                Tkeys=tf.as_dtype(table.attr["key_dtype"].type),
                Tvalues=tf.as_dtype(table.attr["value_dtype"].type),
            )
        keys, values = self.session.fetch([made.keys.name, made.values.name])
        return keys, values

    def freeze(self) -> Frozen:
        """As `Model.freeze`.

        Raises:
            ModelError: The graph does not fit together, or a variable has no value.
        """
        try:
            return frozen(self)
        except (LookupError, TypeError, ValueError, tf.errors.OpError) as error:
            raise ModelError(
                f"{self.place} can't be frozen: {type(error).__name__}: {reason(error)}",
                "It is damaged, or a variable was never set: save it again.",
            ) from error

    @cached_property
    def session(self) -> GraphSession:
        """The graph as it is.

        Raises:
            ModelError: TensorFlow refuses it.
        """
        try:
            return GraphSession(
                self.graph_def,
                [each.tensor for each in self.signature.inputs],
                [each.tensor for each in self.signature.outputs],
                self.variables,
                self.initial,
                self.producer,
            )
        except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise refused(self.place, error) from error


def refused(place: str, error: Exception) -> ModelError:
    """What to say of a graph that TensorFlow does not import."""
    return ModelError(
        f"{place}: TensorFlow {tf.__version__} refuses the graph: {reason(error)}",
        "It is damaged, or from a newer TensorFlow: save it again with this one.",
    )
