"""An executor for what this machine has no kernels for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from .....graph.graph import Precision
from ....protocol import Array
from ...ir.quantized.kernels import ANY, Int8
from ...ir.rewriting.qdq import in_qdq
from ...ir.serialization import Opened
from ..ort_session import OrtSession, readable
from ..predict import widened
from ..session import Executor, Session
from .emulation import emulated
from .stand_ins import described, fitting, standing_in


@dataclass(frozen=True)
class Imitated:
    """Runs fp32 that is rounded to 16 bits after every op, in ONNX Runtime.

    Attributes:
        title: The runtime that the model is for.
        switches: What it needs so that fp32 means fp32.
        int8: What it computes in int8, where that is known.
    """

    title: str
    switches: Mapping[str, str] = field(default_factory=dict)
    int8: Int8 = ANY
    integer_bits: int = 64
    uniform: frozenset[str] = frozenset()
    indifferent: frozenset[str] = frozenset()
    int8_forms: None = None

    @property
    def caveat(self) -> str:
        """That the runtime itself executed nothing."""
        return (
            f"not executed by {self.title} here: the schema allows it, and its rounding "
            "was imitated in fp32"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """That nothing ran, and what the runtime must be told."""
        told = [f"set {key}={value}" for key, value in self.switches.items()]
        return (f"not executed by {self.title} here", *told)

    @property
    def judge(self) -> Executor:
        """Itself: it rounds wherever the model says."""
        return self

    def check(self, low: Precision) -> None:
        """Any precision may be imitated."""

    def survive(self, model: ir.Model) -> None:
        """Nothing is opened that could die here."""

    def compile_part(self, model: ir.Model) -> Session:
        """As any model."""
        return self.compile(model)

    def compile(self, model: ir.Model) -> Session:
        """Open the imitation; ONNX Runtime changes nothing in it.

        Raises:
            ModelError: Nothing can stand in for a plugin's operator.
        """
        model = in_qdq(model, self.int8.integers)
        with fitting(described(model)):
            imitated = readable(emulated(standing_in(model)))
            session = OrtSession(Opened(imitated), optimized=False)

        def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
            with fitting(described(model)):
                return session([widened(each) for each in inputs])

        return run
