"""What the schemas of ONNX say of an operator's types at an opset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import onnx_ir as ir
from onnx import FunctionProto, TensorProto, defs

from ....graph.graph import Precision

STRINGS = {
    Precision.FP32: "tensor(float)",
    Precision.BF16: "tensor(bfloat16)",
    Precision.FP16: "tensor(float16)",
}


@dataclass(frozen=True)
class Types:
    """The types of one operator.

    Attributes:
        since: Opset that the schema is of.
        inputs: Type variable of each input ("T"), or a type ("tensor(float)").
        outputs: The same of each output.
        allowed: Variable → the types that it may be.
        variadic: Whether the last input stands for all that follow; the last output.
        single: Whether ONNX defines it by ops that compute with fp32 numbers, whatever
            types it allows: a model with another type is not valid.
    """

    since: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    allowed: Mapping[str, frozenset[str]]
    variadic: tuple[bool, bool]
    single: bool

    def input(self, index: int) -> str:
        """Variable of an input."""
        return _at(self.inputs, index, self.variadic[0])

    def output(self, index: int) -> str:
        """Variable of an output."""
        return _at(self.outputs, index, self.variadic[1])

    def allows(self, variable: str, type_: str) -> bool:
        """Whether a variable may be a type."""
        return type_ in self.allowed.get(variable, {variable})


def _at(variables: Sequence[str], index: int, variadic: bool) -> str:
    if index < len(variables):
        return variables[index]
    return variables[-1] if variadic else ""


@cache
def types(domain: str, operator: str, opset: int) -> Types | None:
    """The types of an operator, None if ONNX has no such one at the opset."""
    domain = "" if domain == "ai.onnx" else domain
    try:
        schema: Any = defs.get_schema(operator, opset, domain)
    except defs.SchemaError:
        return None
    many = defs.OpSchema.FormalParameterOption.Variadic
    return Types(
        since=schema.since_version,
        inputs=tuple(each.type_str for each in schema.inputs),
        outputs=tuple(each.type_str for each in schema.outputs),
        allowed={
            each.type_param_str: frozenset(each.allowed_type_strs)
            for each in schema.type_constraints
        },
        variadic=(
            bool(schema.inputs) and schema.inputs[-1].option == many,
            bool(schema.outputs) and schema.outputs[-1].option == many,
        ),
        single=schema.has_function and _is_single(schema.function_body),
    )


def _is_single(body: FunctionProto) -> bool:
    """Whether a definition has fp32 constants that take no other type."""
    if any(node.op_type == "CastLike" for node in body.node):
        return False
    return any(
        each.t.data_type == TensorProto.FLOAT
        for node in body.node
        if node.op_type == "Constant"
        for each in node.attribute
    )


def of_node(node: ir.Node, opsets: Mapping[str, int]) -> Types | None:
    """The types of a node's operator in a model with these opsets."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    version = opsets.get(domain)
    return None if version is None else types(domain, node.op_type, version)


def refusal(
    node: ir.Node,
    known: Types,
    low: Precision,
    slots: Sequence[int],
    outputs: Sequence[int],
) -> str:
    """Why an operator's types rule `low` out, "" if they don't.

    Args:
        slots: Indices of the castable inputs.
        outputs: Indices of the fp32 outputs, which would be low too.
    """
    name = f"{node.op_type}-{known.since}"
    if known.single:
        return f"{name} is defined with fp32 numbers"
    taken = {known.input(k) for k in slots}
    for variable in sorted(taken):
        if not known.allows(variable, STRINGS[low]):
            return f"{name} takes no {low.dtype} as {variable}"
    for k in outputs:
        variable = known.output(k)
        if not known.allows(variable, STRINGS[low]):
            return f"{name} returns output {k} in no {low.dtype}"
        if variable not in taken:
            return f"the type of {name}'s output {k} does not follow its inputs"
    return ""
