"""Operators that nothing here runs, of a runtime's plugins: what stands in for them.

The type and the shape of what they make is all that is known. Made-up values of these
let the rest of a model run, so that its ops are probed on something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from .....common.errors import ModelError
from ...ir.inline import plain
from ...ir.operators import is_standard
from ...ir.shape_inference import infer_types
from ...ir.weights import register
from ..session import shortened

DECLARE = (
    "Say in the file what they make: "
    "model.graph.value_info.append(onnx.helper.make_tensor_value_info(...))."
)
FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16})


def unknown(model: ir.Model) -> list[ir.Node]:
    """The nodes that ONNX Runtime has no kernel for, and that are no functions."""
    nodes = [*model.graph.all_nodes()]
    for function in model.functions.values():
        nodes += function.all_nodes()
    return [
        node
        for node in nodes
        if not is_standard(node)
        and node.op_identifier() not in model.functions
        and (node.domain, node.op_type) not in _kernels()
    ]


def described(model: ir.Model) -> str:
    """What in a model can't be run here, "" if all can."""
    names = dict.fromkeys(f"{n.op_type} of {n.domain}" for n in unknown(model))
    return ", ".join(names)


@cache
def _kernels() -> frozenset[tuple[str, str]]:
    from onnxruntime.capi import onnxruntime_pybind11_state as ort

    return frozenset(
        (kernel.domain, kernel.op_name) for kernel in ort.get_all_opkernel_def()
    )


def standing_in(model: ir.Model) -> ir.Model:
    """A copy that standard operators make up values in; the model itself if all runs.

    Raises:
        ModelError: The file doesn't say what an operator makes.
    """
    if not unknown(model):
        return model
    copy, _ = plain(model)
    infer_types(copy)
    inputs = {
        size.value: (value, k)
        for value in copy.graph.inputs
        for k, size in enumerate(value.shape or ())
        if isinstance(size, ir.SymbolicDim) and size.value
    }
    for node in unknown(copy):
        assert isinstance(node.graph, ir.Graph)
        stand_in = _StandIn(node, node.graph, inputs)
        for value in [value for value in node.outputs if value.name]:
            stand_in.replace(value)
        node.graph.remove(node, safe=True)
    return copy


@dataclass
class _StandIn:
    """In place of one node.

    Attributes:
        sizes: Symbol → an input of the model that has the size, and its place there.
        made: How many values were added.
    """

    node: ir.Node
    graph: ir.Graph
    sizes: dict[str, tuple[ir.Value, int]]
    made: int = field(default=0)

    def replace(self, value: ir.Value) -> None:
        """Let what the node makes be made up."""
        source = next((v for v in self.node.inputs if v and v.dtype in FLOATS), None)
        dtype = value.dtype or (None if source is None else source.dtype)
        if dtype is None or (value.shape is None and source is None):
            raise _unsaid(self.node, value)
        if source is not None and dtype in FLOATS and _alike(value, source):
            made = source
        else:
            made = self._drawn(value, source, dtype)
        made = self._add("Cast", [made], [ir.AttrInt64("to", dtype.value)])
        name, value.name = value.name, None
        value.replace_all_uses_with(made, replace_graph_outputs=True)
        made.name, made.shape = name, value.shape
        made.type = ir.TensorType(dtype)

    def _drawn(
        self, value: ir.Value, source: ir.Value | None, dtype: ir.DataType
    ) -> ir.Value:
        """Waves of the value's shape; zeros where it is no float."""
        shape = self._shape(value, source)
        if dtype not in FLOATS:
            return self._add("ConstantOfShape", [shape])
        ones = ir.AttrTensor("value", ir.tensor([1.0], dtype=ir.DataType.FLOAT))
        flat = self._constant(np.array([-1]))
        whole = self._add(
            "Reshape", [self._add("ConstantOfShape", [shape], [ones]), flat]
        )
        steps = self._add("CumSum", [whole, self._constant(np.array(0))])
        return self._add("Reshape", [self._add("Sin", [steps]), shape])

    def _shape(self, value: ir.Value, source: ir.Value | None) -> ir.Value:
        sizes = [*(value.shape or ())]
        if not sizes:
            return self._constant(np.zeros(0, np.int64))
        parts = [self._size(size, k, value, source) for k, size in enumerate(sizes)]
        return self._add("Concat", parts, [ir.AttrInt64("axis", 0)])

    def _size(
        self, size: object, k: int, value: ir.Value, source: ir.Value | None
    ) -> ir.Value:
        """One size, as a vector: the file's, an input's of that name, the source's, 1."""
        if isinstance(size, int):
            return self._constant(np.array([size]))
        name = size.value if isinstance(size, ir.SymbolicDim) else None
        if name in self.sizes:
            given, place = self.sizes[name]
        elif source is not None and _rank(source) == _rank(value):
            given, place = source, k
        else:
            return self._constant(np.array([1]))
        index = self._constant(np.array([place]))
        return self._add("Gather", [self._add("Shape", [given]), index])

    def _constant(self, values: npt.NDArray[np.int64]) -> ir.Value:
        tensor = ir.Tensor(values.astype(np.int64), name=self._name())
        return register(self.graph, tensor)

    def _add(
        self,
        operator: str,
        inputs: Sequence[ir.Value],
        attributes: Sequence[ir.Attr] = (),
    ) -> ir.Value:
        value = ir.Value(name=self._name())
        node = ir.Node("", operator, inputs, attributes, outputs=[value])
        self.graph.insert_before(self.node, node)
        return value

    def _name(self) -> str:
        self.made += 1
        first = next(value.name for value in self.node.outputs if value.name)
        return f"{first}.made_up{self.made}"


def _alike(value: ir.Value, source: ir.Value) -> bool:
    """Whether two values have one shape, or nothing says that they have not."""
    if value.shape is None:
        return True
    return source.shape is not None and tuple(value.shape) == tuple(source.shape)


def _rank(value: ir.Value) -> int:
    return -1 if value.shape is None else len(value.shape)


@contextmanager
def fitting(made_up: str) -> Iterator[None]:
    """Say what is wrong if the rest of a model does not run on made-up values.

    Args:
        made_up: What nothing here runs, "" where all runs.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # whatever ONNX Runtime says of shapes that don't fit
        if not made_up:
            raise
        raise ModelError(
            f"nothing here runs {made_up}, and what is taken for their results does not "
            f"fit the model: {shortened(error)}",
            DECLARE,
        ) from error


def _unsaid(node: ir.Node, value: ir.Value) -> ModelError:
    return ModelError(
        f"nothing here runs {node.op_type} of {node.domain}, and the model does not say "
        f"of which type and shape `{value.name}` is that it makes",
        DECLARE,
    )
