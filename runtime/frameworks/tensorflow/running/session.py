"""A GraphDef run as it is: in a session of its own, fp32 held to fp32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...protocol import Array, Inputs, Outputs
from ..ir.frozen import Signature

v1 = tf.compat.v1
OFF = 2
"""RewriterConfig.Toggle."""

AT_ONCE = 1 << 28
"""Bytes of variables that are held in memory beside the model's own."""


def strict_config() -> Any:
    """A ConfigProto without grappler's mixed precision."""
    config = v1.ConfigProto(allow_soft_placement=True)
    options = config.graph_options.rewrite_options
    for name in options.DESCRIPTOR.fields_by_name:
        if name.startswith("auto_mixed_precision"):
            setattr(options, name, OFF)
    return config


class GraphSession:
    """Runs a graph's tensors; its state is nobody else's.

    Args:
        graph_def: Imported as it is.
        inputs: Tensors that are fed, in order.
        outputs: Tensors that are fetched, in order.
        variables: Node of a variable → reads its value.
        initial: Nodes that run once, after the variables have their values.
        producer: Ops as the file's TensorFlow knew them, None for this one's.
    """

    def __init__(
        self,
        graph_def: Any,
        inputs: Sequence[str],
        outputs: Sequence[str],
        variables: Mapping[str, Callable[[], Array]],
        initial: Iterable[str] = (),
        producer: Any = None,
    ) -> None:
        self._variables, self._initial = variables, list(initial)
        self._waiting: list[Any] = []
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.graph_util.import_graph_def(
                graph_def, name="", producer_op_list=producer
            )
            self._assigns = {name: self._assign(name) for name in variables}
        self.session = v1.Session(graph=self.graph, config=strict_config())
        self.restart()
        self._call = self.session.make_callable(
            fetches=[_output(each) for each in outputs],
            feed_list=[_output(each) for each in inputs],
        )

    def restart(self) -> None:
        """Bring variables and tables back to what they were when this was made."""
        feed: dict[Any, Array] = {}
        for name, read in self._variables.items():
            value, assign = self._assigns[name]
            feed[value] = read()
            self._waiting.append(assign)
            if sum(each.nbytes for each in feed.values()) > AT_ONCE:
                self._assign_all(feed)
        self._assign_all(feed)
        if self._initial:
            self.session.run(
                [self.graph.get_operation_by_name(n) for n in self._initial]
            )

    def _assign_all(self, feed: dict[Any, Array]) -> None:
        """In one run: TensorFlow prepares a graph anew for each set of ops."""
        if feed:
            self.session.run(self._waiting, feed)
        self._waiting.clear()
        feed.clear()

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs: 16-bit floats as float32, other dtypes as they are."""
        return tuple(widened(each) for each in self._call(*map(np.asarray, inputs)))

    def fetched(self, signature: Signature, inputs: Inputs) -> Outputs:
        """What another signature of the graph returns."""
        feeds = [_output(each.tensor) for each in signature.inputs]
        found = self.session.run(
            [_output(each.tensor) for each in signature.outputs],
            dict(zip(feeds, map(np.asarray, inputs), strict=True)),
        )
        return tuple(map(widened, found))

    def fetch(self, tensors: Sequence[str]) -> list[Any]:
        """Values that need no input."""
        found: list[Any] = self.session.run(list(map(_output, tensors)))
        return found

    def variable(self, name: str) -> Array:
        """A variable's value."""
        handle = self.graph.get_tensor_by_name(f"{name}:0")
        if handle.dtype != tf.resource:
            return np.asarray(self.session.run(handle))
        dtype = tf.as_dtype(handle.op.get_attr("dtype"))
        with self.graph.as_default():
            read = tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)
        return np.asarray(self.session.run(read))

    def _assign(self, name: str) -> tuple[Any, Any]:
        """A placeholder for a variable's value, and the op that assigns it."""
        handle = self.graph.get_tensor_by_name(f"{name}:0")
        if handle.dtype == tf.resource:
            dtype = tf.as_dtype(handle.op.get_attr("dtype"))
            value = v1.placeholder(dtype)
            return value, tf.raw_ops.AssignVariableOp(resource=handle, value=value)
        value = v1.placeholder(handle.dtype.base_dtype)
        assign = v1.raw_ops.Assign(ref=handle, value=value, validate_shape=False)
        return value, assign


def widened(value: Any) -> Array:
    """A fetched value: float32 for 16-bit floats, which NumPy doesn't compute in."""
    array: Array = np.asarray(value)
    if array.dtype in (tf.bfloat16.as_numpy_dtype, np.float16):
        return array.astype(np.float32)
    return array


def _output(tensor: str) -> str:
    return tensor if ":" in tensor else f"{tensor}:0"
