"""What the adapters of all runtimes of ONNX models have in common: all but what runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...graph.graph import Precision
from ..inputs import Input
from ..protocol import Array, Inputs, Predict

if TYPE_CHECKING:
    import onnx

    from .program import Program
    from .running.session import Executor

LIBRARIES = ("onnx", "onnx-ir", "onnxruntime", "ml_dtypes", "protobuf")
"""What reads and rewrites a model, whichever runtime it is for."""


@dataclass(frozen=True)
class Runtime:
    """The members of `Adapter` that call a model, for one executor.

    Attributes:
        executor: Gives what runs models, importing it; a module-level function, since
            fresh processes call the methods.
    """

    executor: Callable[[], Executor]

    def signature(self, model: Any, /) -> tuple[Input, ...]:
        """As `Adapter.signature`."""
        from .opening.signature import signature
        from .running.given import model_of

        return signature(model_of(model))

    def output_names(self, model: Any, /) -> tuple[str, ...]:
        """As `Naming.output_names`."""
        from .running.given import model_of

        return tuple(str(each.name) for each in model_of(model).graph.outputs)

    def data_files(self, model: Any, /) -> tuple[Path, ...]:
        """As `Scattered.data_files`: those of external data."""
        from .opening.load import EXTERNAL
        from .running.given import model_of

        return tuple(model_of(model).meta.get(EXTERNAL, ()))

    def as_tensor(self, array: Array, like: Any, /) -> Array:
        """As `Adapter.as_tensor`: ONNX's runtimes take NumPy's."""
        return array

    def predictor(self, model: Any, inputs: Sequence[Input] = (), /) -> Predict:
        """As `Adapter.predictor`."""
        from .running.predict import Predictor

        return Predictor(model, self.executor(), inputs)

    def load_saved(self, path: Path, /) -> Predict:
        """As `Adapter.load_saved`."""
        from .opening.load import load_onnx
        from .running.predict import Predictor

        return Predictor(load_onnx(path), self.executor())

    def native(self, model: Any, /) -> onnx.ModelProto:
        """As `Adapter.native`."""
        from .writing.native import native

        return native(model)

    def open_native(self, path: Path, /) -> onnx.ModelProto:
        """As `Adapter.open_native`."""
        from .writing.native import open_native

        return open_native(path)

    def trace(
        self,
        model: Any,
        batch: Inputs,
        *,
        low: Precision,
        inputs: Sequence[Input],
        outputs: Sequence[str] = (),
    ) -> Program:
        """As `Adapter.trace`."""
        from .program import trace

        return trace(
            model,
            batch,
            low=low,
            inputs=inputs,
            outputs=outputs,
            executor=self.executor(),
        )
