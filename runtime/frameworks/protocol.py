"""What an adapter offers to placement, search and report (docs/graph.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..common.timing import Clock, Latency
from ..graph.graph import Graph, Placement, Precision

Array = npt.NDArray[np.generic]
Outputs = tuple[Array, ...]
"""A model's flattened outputs: floats as float32, other dtypes as they are."""

Inputs = tuple[Any, ...]
"""One batch of a framework's tensors, in the order of the model's inputs."""


class Predict(Protocol):
    """A model that can be called on a batch, whatever its framework."""

    def __call__(self, inputs: Inputs, /) -> Outputs: ...


@runtime_checkable
class Restarts(Protocol):
    """A model with state, such as a counter, that carries from batch to batch."""

    def restart(self) -> None:
        """Bring the state back to what it was when the model was loaded."""
        ...


def restart(predict: Predict) -> None:
    """Let a model that has state start over; the others have none."""
    if isinstance(predict, Restarts):
        predict.restart()


def first_call(predict: Predict, inputs: Inputs) -> Outputs:
    """What the model gives first: state must not go from one call to the next."""
    restart(predict)
    return predict(inputs)


class LoadSaved(Protocol):
    """Opens a saved model; a module-level function, since a fresh process calls it."""

    def __call__(self, path: Path, /) -> Predict: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What happened when an op ran in a precision on real inputs.

    Attributes:
        output: Precision of the fp32 outputs as the kernel made them, None if the
            kernel is missing or returned something else.
        error: RMS of the difference from fp32 over the RMS of the fp32 output;
            infinite where fp32 is finite and the result is not.
        message: Why there is no kernel, in the framework's words; or why the error is
            infinite, if it is so on other rows than the batch's.
    """

    output: Precision | None
    error: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What rounding to a 16-bit format would do to one tensor of the batch.

    Attributes:
        largest: Largest finite magnitude.
        overflow: Share of the finite values that become infinite.
        flushed: Share of the nonzero values that become zero.
        inexact: Share of the values that change, where all are whole numbers and no
            other value overflows; else 0.
        fractional: Share of the finite values that are no whole numbers.
    """

    largest: float
    overflow: float
    flushed: float
    inexact: float
    fractional: float = 1.0


@dataclass(frozen=True, slots=True)
class Timings:
    """Measured latencies at the cost batch.

    Attributes:
        ops: (op id, precision) → latency.
        casts: (shape, source, target) → latency.
    """

    ops: Mapping[tuple[str, Precision], Latency]
    casts: Mapping[tuple[tuple[int, ...], Precision, Precision], Latency]


class Traced(Protocol):
    """A model as one adapter traced it. Framework objects stay in here."""

    @property
    def graph(self) -> Graph:
        """The picture of the prepared model, with the kernels that ran."""
        ...

    @property
    def probes(self) -> Mapping[str, Probe]:
        """Op id → what happened when it ran low at its real attributes and inputs."""
        ...

    @property
    def switches(self) -> Mapping[str, str]:
        """The framework's settings under which fp32 means fp32."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the model before, and what those who run the result must
        know: sentences for the summary and the plan."""
        ...

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        """Tensor name → what `precision` would do to it on the calibration batch."""
        ...

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        """Output error on the calibration batch when only these ops are low.

        RMS of the difference over the RMS of the fp32 output, the largest over the
        outputs; infinite where an output is not finite. Nothing is rebuilt for it.
        """
        ...

    def sketch(
        self,
        precision: Precision,
        ops: Iterable[str],
        *,
        probes: int = 4,
        seed: int = 0,
    ) -> Mapping[str, float]:
        """Op id → squared output error when only that op is low, to first order.

        The adjoint sketch: the mean over `probes` random v of (vᵀ J δ)², where δ is
        what rounding this op changes in its own outputs and J takes that to the
        model's. v is ±1 for each element of each output, over that output's RMS and
        the root of its size: the expectation is `error` squared, summed over outputs.
        An op is missing where no gradient reaches it, all are where the framework does
        not differentiate; infinite where its own outputs become so.
        """
        ...

    def time(
        self, precision: Precision, ops: Set[str], clock: Clock, seconds: float
    ) -> Timings:
        """Time ops and all casts on the calibration batch, each distinct one once.

        Args:
            ops: Ids of the ops, which have a kernel for `precision`.
            seconds: What the timing of one distinct op or cast may take.
        """
        ...

    def time_whole(
        self, placements: Mapping[str, Placement], clock: Clock
    ) -> Mapping[str, Latency]:
        """Time converted models in turn on the calibration batch; by their names."""
        ...

    def apply(self, placement: Placement) -> Any:
        """The converted model: weights cast offline, casts inserted."""
        ...

    def save(self, model: Any, path: Path) -> Path:
        """Write what `apply` made, whole or not at all; the same bytes each time."""
        ...


@runtime_checkable
class Opener(Protocol):
    """A model whose saved file may need more than itself to open: its own operators."""

    @property
    def load_saved(self) -> LoadSaved:
        """As `Adapter.load_saved`, with what the model needs; fresh processes call it."""
        ...

    @property
    def open_native(self) -> Callable[[Path], Any]:
        """As `Adapter.open_native`, likewise."""
        ...


@runtime_checkable
class Formable(Traced, Protocol):
    """A model some of whose ops have faster kernels than the framework calls itself."""

    @property
    def forms(self) -> Mapping[str, str]:
        """Id of the op that computes → the kernel for it and ops around it, all low."""
        ...

    def forms_in_use(self, placement: Placement) -> Mapping[str, str]:
        """Those of `forms` whose ops are all low."""
        ...

    def with_forms(self, forms: Mapping[str, str]) -> Self:
        """The same in these forms, where all ops of one are low.

        Raises:
            PlanError: There is no such form of an op.
        """
        ...

    def with_fastest_forms(
        self, precision: Precision, clock: Clock, seconds: float
    ) -> Self:
        """The same in the forms that are faster here than what they stand for.

        Args:
            seconds: What the timing of one distinct form may take.
        """
        ...


@runtime_checkable
class Freeable(Traced, Protocol):
    """A model that can take and return 16-bit floats where it had fp32."""

    @property
    def own_outputs(self) -> Mapping[str, str]:
        """What it returns by its own names → tensor; {} where nothing has a name."""
        ...

    def freed(self, graph: Graph) -> Self:
        """The same, with `given` and `returned` as this graph has them.

        `apply` makes a model that takes and returns these dtypes, with a cast only where
        the op beside has another precision. What `predictor` and `load_saved` make of it
        takes the batch as it was, in fp32, and widens what it returns.
        """
        ...


@runtime_checkable
class Clipping(Traced, Protocol):
    """A model some of whose casts keep values within the range of what they cast to."""

    def clipped(self, precision: Precision) -> Set[str]:
        """Names of the tensors whose finite values stay finite in a cast."""
        ...
