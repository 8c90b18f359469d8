"""OpenVINO's CPU plugin as an executor."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir

from ....common.errors import ModelError, RequirementError
from ....graph.graph import Precision
from ..ir.inline import plain
from ..ir.quantized.kernels import Int8
from ..ir.rewriting.qdq import in_qdq
from ..ir.serialization import Opened
from ..running.given import own_inputs
from ..running.session import Executor, Session
from ..running.survival import Child
from ..running.switches import OPENVINO
from .int8 import FORMS
from .session import OvSession, compiled, core
from .softmax import as_onnx_has_it


class OpenVino:
    """Computes bf16 ops in bf16 and fp32 ops in fp32, as the model says."""

    title = "OpenVINO"
    caveat = ""
    switches = OPENVINO
    notes = (
        "compile it with INFERENCE_PRECISION_HINT=f32: OpenVINO's default on CPUs "
        "with bf16 computes the fp32 ops in bf16 too",
    )
    int8_forms = FORMS
    int8 = Int8(
        frozenset({"Conv", "Gemm", "MatMul"}),
        weights=frozenset({ir.DataType.INT8}),
        symmetric=True,
    )
    integer_bits = 32  # The CPU plugin computes all integers so.
    uniform = frozenset({"BatchNormalization"})
    """Its batch norms take statistics of the type of the input only."""
    indifferent = frozenset({"IsNaN"})

    @property
    def judge(self) -> Executor:
        """Itself: it rounds wherever the model says."""
        return self

    def check(self, low: Precision) -> None:
        """Refuse fp16 where the plugin would silently compute it in fp32."""
        if low is Precision.FP16 and "FP16" not in capabilities():
            raise RequirementError(
                "OpenVINO's CPU plugin has no fp16 arithmetic on this machine: it would "
                "compute the whole model in fp32",
                "Convert to bf16, or with `model.runtime: onnxruntime`.",
            )

    def __init__(self) -> None:
        self.child = Child(_compiled)

    def compile_part(self, model: ir.Model) -> Session:
        """Compile a model for this CPU; OpenVINO knows no functions of a model's own."""
        return OvSession(*_opened(model))

    def survive(self, model: ir.Model) -> None:
        """As `Executor.survive`."""
        self._survive(_opened(model)[0])

    def compile(self, model: ir.Model) -> Session:
        """As `compile_part`, once a child has shown that OpenVINO survives it.

        Raises:
            ModelError: It does not.
        """
        opened, names = _opened(model)
        self._survive(opened)
        return OvSession(opened, names)

    def _survive(self, opened: Opened) -> None:
        if fate := self.child.fate(opened.source, 0):
            raise ModelError(
                f"OpenVINO {fate} as it compiles the model",
                "Try another `model.runtime`.",
            )


def _opened(model: ir.Model) -> tuple[Opened, list[list[str]]]:
    if model.functions:
        model, _ = plain(model)
    model = in_qdq(as_onnx_has_it(model))
    return Opened(model), [_names(value) for value in own_inputs(model)]


def _names(value: ir.Value) -> list[str]:
    """A value's, and those that OpenVINO gives it with an op that it leaves out."""
    same = (node.outputs[0] for node, _ in value.uses() if node.op_type in LEFT_OUT)
    return [str(value.name), *(name for each in same for name in _names(each))]


LEFT_OUT = ("Identity", "Dropout")


def _compiled(source: bytes | Path, _way: int) -> object:
    return compiled(source)


def capabilities() -> tuple[str, ...]:
    """What the CPU plugin says it optimizes for ("BF16", "FP16", "INT8", ...)."""
    return tuple(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


EXECUTOR = OpenVino()
