"""ONNX Runtime's CPU provider as an executor."""

from __future__ import annotations

import platform

import onnx_ir as ir

from ....common.errors import ModelError, RequirementError
from ....graph.graph import Precision
from ..ir.quantized.integers import ALL
from ..ir.quantized.kernels import Int8
from ..ir.serialization import Opened
from ..running.carried import carried
from ..running.imitation.executor import Imitated
from ..running.ort_session import LEVELS, NONE, OrtSession, session
from ..running.session import Executor, Session
from ..running.survival import Child
from ..running.switches import ONNXRUNTIME
from .int8 import FORMS

LEVEL = "narrowcast.graph_optimization_level"
"""Key of a model's metadata: the level at which ONNX Runtime survives it."""


class OnnxRuntime:
    """Computes fp16 through fp32 where it has no kernel of its own; bf16 not at all."""

    title = "ONNX Runtime"
    caveat = (
        "executed through fp32 where ONNX Runtime has no fp16 kernel on the CPU; the "
        "error is that of fp16, imitated"
    )
    switches = ONNXRUNTIME

    def __init__(self) -> None:
        self.child = Child(session)
        self.died = ("", "")

    @property
    def notes(self) -> tuple[str, ...]:
        """How fp16 is computed; at which level it dies."""
        said = (
            "ONNX Runtime's CPU provider computes most of fp16 through fp32: the file "
            "is smaller, not faster there"
        )
        fate, level = self.died
        if not fate:
            return (said,)
        lower = (
            f"ONNX Runtime {fate} as it opens the model at its default level of "
            f"optimization: set graph_optimization_level to ORT_{level}"
        )
        return said, lower

    int8_forms = FORMS
    int8 = Int8(
        frozenset({"Conv", "Gemm", "MatMul"}),
        whole=frozenset({"Conv"}),
        biased=frozenset({"Conv", "Gemm"}),
        # What is signed is made unsigned first there, where only one op reads it.
        lone=platform.machine() in ("x86_64", "AMD64"),
        integers=ALL,
    )
    integer_bits = 64
    uniform = frozenset[str]()
    indifferent = frozenset[str]()

    @property
    def judge(self) -> Executor:
        """An imitation: ONNX Runtime leaves out casts down and up again.

        A value beyond fp16's range would pass here, and break the model elsewhere.
        """
        return Imitated(self.title, self.switches, self.int8)

    def check(self, low: Precision) -> None:
        """Refuse bf16."""
        if low is Precision.BF16:
            raise RequirementError(
                "ONNX Runtime's CPU provider has no bf16 arithmetic: it refuses to load "
                "such a model",
                "Write `model.runtime: openvino`, or `precisions: fp16`; "
                "`model.runtime: any` checks by schema only.",
            )

    def compile_part(self, model: ir.Model) -> Session:
        """Open a session on the CPU, with ONNX Runtime's optimizations."""
        return OrtSession(Opened(carried(model)), optimized=True)

    def compile(self, model: ir.Model) -> Session:
        """As `compile_part`; at a lower level if ONNX Runtime dies at its default.

        Raises:
            ModelError: It dies at any.
        """
        opened = Opened(carried(model))
        level = self._level(model, opened)
        return OrtSession(opened, optimized=True, level=level)

    def survive(self, model: ir.Model) -> None:
        """As `Executor.survive`; the model says at which level from then on."""
        self._level(model, Opened(carried(model)))

    def _level(self, model: ir.Model, opened: Opened) -> int:
        recorded = model.metadata_props.get(LEVEL, f"ORT_{LEVELS[0]}")
        first = LEVELS.index(recorded.removeprefix("ORT_"))
        for level in range(first, len(LEVELS)):
            fate = self.child.fate(opened.source, level)
            if not fate:
                if level:  # for who opens the saved file
                    model.metadata_props[LEVEL] = f"ORT_{LEVELS[level]}"
                return level
            self.died = fate, LEVELS[min(level + 1, NONE)]
        raise ModelError(
            f"ONNX Runtime {fate} as it opens the model, at any level of optimization",
            "Try another version of onnxruntime, another `model.runtime`, or pin ops.",
        )


EXECUTOR = OnnxRuntime()
