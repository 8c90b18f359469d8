"""What a framework's side offers beside `Traced` (docs/graph.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..graph.graph import Precision
from ..hardware.answers import Answer, Device
from .inputs import Arguments, Calls, Input
from .protocol import Array, Inputs, Predict, Traced


class Adapter(Protocol):
    """One framework, or one runtime of ONNX models: a module of functions.

    Importing it imports no framework; its functions do. `predictor` and `load_saved`
    are called in fresh processes, by reference.
    """

    dependencies: tuple[str, ...]
    """Distributions that its functions import, the framework first."""

    executes: bool
    """Whether models run here; if not, files for elsewhere are made."""

    def answer(self, precision: Precision, device: Device, /) -> Answer:
        """What the framework says of a precision on a device of this machine.

        Raises:
            RequirementError: It is installed and can't be imported.
        """
        ...

    def devices(self) -> tuple[str, ...]:
        """Every CUDA device that it sees and uses, with its compute capability."""
        ...

    def signature(self, model: Any, /) -> tuple[Input, ...]:
        """The inputs that a model as loaded declares, in its own order.

        Raises:
            ModelError: It is no model, or takes what can't be declared.
        """
        ...

    def as_tensor(self, array: Array, like: Any, /) -> Any:
        """An array as the framework's users have it in a batch.

        Args:
            like: Another of the batch's tensors: it goes where that is.
        """
        ...

    def predictor(self, model: Any, inputs: Sequence[Input] = (), /) -> Predict:
        """A model as loaded, or as `Traced.apply` made it, as a callable on batches.

        Args:
            inputs: In the batch's order, by their names in the model; none: in the
                model's own order.

        Raises:
            DataError: A name is not the model's.
            ModelError: It is no model, or the framework does not take it.
        """
        ...

    def load_saved(self, path: Path, /) -> Predict:
        """Open what `Traced.save` wrote, as carefully as a file from elsewhere.

        Raises:
            ModelError: It is missing, damaged, or the framework does not take it.
        """
        ...

    def native(self, model: Any, /) -> Any:
        """A model as loaded, or as `Traced.apply` made it, as the framework's own object.

        What `eval_func(model)` gets, whatever the model came from: TensorFlow's graph,
        MXNet's block or symbol with parameters, an `onnx.ModelProto`, a module. Inputs
        and outputs have the names and dtypes of the user's model.

        Raises:
            ModelError: The framework has no such object of it.
        """
        ...

    def open_native(self, path: Path, /) -> Any:
        """The same of what `Traced.save` wrote; fresh processes call it.

        Raises:
            ModelError: It is missing, damaged, or the framework does not take it.
        """
        ...

    def trace(
        self,
        model: Any,
        batch: Inputs,
        *,
        low: Precision,
        inputs: Sequence[Input],
        outputs: Sequence[str] = (),
    ) -> Traced:
        """Prepare a model, run it on a real batch and probe its kernels.

        Args:
            model: As the script loads it; it is not changed.
            batch: One real batch, at the batch size that will be evaluated.
            low: The precision that every op is probed in.
            inputs: As the spec declares them, in the batch's order.
            outputs: Names of the outputs in the spec, for messages.

        Raises:
            DataError: The batch is not what `inputs`, or the model, declares.
            ModelError: The model can't be traced, or its graph computes something else.
            RequirementError: The framework does not execute `low`.
        """
        ...


@runtime_checkable
class Callee(Protocol):
    """An adapter whose models are called with arguments, and may declare no sizes."""

    def signature(self, model: Any, /) -> tuple[Input, ...]:
        """As `Adapter.signature`."""
        ...

    def arguments(self, model: Any, /) -> Arguments:
        """What a model as loaded is called with.

        Raises:
            ModelError: It is no model.
        """
        ...

    def with_values(self, model: Any, values: Mapping[str, Any], /) -> Any:
        """The model as loaded, with values for arguments that nobody gives it.

        Args:
            values: By the argument: numbers, flags, None.

        Raises:
            ModelError: It has no such argument.
        """
        ...

    def watched(self, model: Any, /) -> AbstractContextManager[Calls]:
        """While it lasts, see what the model is called with: its tensors, by argument."""
        ...


@runtime_checkable
class Naming(Protocol):
    """An adapter whose models name what they return."""

    def output_names(self, model: Any, /) -> tuple[str, ...]:
        """The outputs of a model as loaded, in its own order; () where they have none.

        Raises:
            ModelError: It is no model.
        """
        ...


@runtime_checkable
class Scattered(Protocol):
    """An adapter whose models may keep data in more files than the one they are named by."""

    def data_files(self, model: Any, /) -> tuple[Path, ...]:
        """These other files, of a model as loaded."""
        ...


@runtime_checkable
class Compiler(Protocol):
    """An adapter whose saved models can be compiled for this machine."""

    def under_inductor(self, traced: Any, /) -> Traced:
        """The same model, timed as it runs compiled."""
        ...

    def compile_saved(self, saved: Path, package: Path, /) -> Path:
        """Compile a saved model, in a process of its own.

        Raises:
            ModelError: The compiler does not take it.
        """
        ...

    def load_compiled(self, path: Path, /) -> Predict:
        """Open a package that `compile_saved` made.

        Raises:
            ModelError: It is missing, damaged, or made for another machine.
        """
        ...
