"""ONNX Runtime's CPU provider as an executor."""

from __future__ import annotations

import onnx_ir as ir

from ....common.errors import RequirementError
from ....graph.graph import Precision
from ..ir.serialization import Opened
from ..running.carried import carried
from ..running.imitation.executor import Imitated
from ..running.ort_session import OrtSession
from ..running.session import Executor, Session
from ..running.switches import ONNXRUNTIME


class OnnxRuntime:
    """Computes fp16 through fp32 where it has no kernel of its own; bf16 not at all."""

    title = "ONNX Runtime"
    caveat = (
        "executed through fp32 where ONNX Runtime has no fp16 kernel on the CPU; the "
        "error is that of fp16, imitated"
    )
    switches = ONNXRUNTIME
    notes = (
        "ONNX Runtime's CPU provider computes most of fp16 through fp32: the file "
        "is smaller, not faster there",
    )
    integer_bits = 64
    uniform = frozenset[str]()

    @property
    def judge(self) -> Executor:
        """An imitation: ONNX Runtime leaves out casts down and up again.

        A value beyond fp16's range would pass here, and break the model elsewhere.
        """
        return Imitated(self.title, self.switches)

    def check(self, low: Precision) -> None:
        """Refuse bf16."""
        if low is Precision.BF16:
            raise RequirementError(
                "ONNX Runtime's CPU provider has no bf16 arithmetic: it refuses to load "
                "such a model",
                "Write `model.runtime: openvino`, or `precisions: fp16`; "
                "`model.runtime: any` checks by schema only.",
            )

    def compile(self, model: ir.Model) -> Session:
        """Open a session on the CPU, with ONNX Runtime's optimizations."""
        return OrtSession(Opened(carried(model)), optimized=True)


EXECUTOR = OnnxRuntime()
