"""The Spec: what the user wrote, validated and normalised; what codegen reads.

Frozen dataclasses, since everything was checked before they are made: they cost
nothing at start-up and need no Pydantic to read. What is already normal as written
(a dataset, a transform, a metric with its parameters) is its frozen section itself,
so that a new one is a single class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .reading.source import Data
from .sections.dataset import DatasetFile
from .sections.metric import BuiltIn
from .sections.mixed_precision import Low
from .sections.transform import Transform

ADDED = "added"
"""Marks a field that came later: left empty, a spec means what it meant without it."""


@dataclass(frozen=True, slots=True)
class PythonObject:
    """Something to import: `from module import name`.

    Attributes:
        module: Dotted.
        name: The object, or the dotted way to it within the module.
    """

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the model.

    Attributes:
        name: As the model has it; pytorch: the argument's name, a Python name.
        shape: Sizes, or the symbols (Python names) of those that vary; None for the
            model's own.
        dtype: NumPy's name; None for the model's own, and data in float32.
        largest: Symbol of the shape → the most that it may be.
    """

    name: str
    shape: tuple[int | str, ...] | None
    dtype: str | None
    largest: Mapping[str, int] = field(default_factory=dict, metadata={ADDED: True})


@dataclass(frozen=True, slots=True)
class Model:
    """What is converted.

    Attributes:
        name: As written; one printable line.
        slug: The name as a file name's stem.
        framework: Ours ("pytorch").
        runtime: What executes an onnx model, None for other frameworks.
        path: The model's file or folder, POSIX path relative to the spec; None where
            there is a factory.
        signature: The signature of a SavedModel, None for other models.
        factory: Makes the model; takes no arguments. None where there is a path.
        weights: POSIX path relative to the spec, None for the model's own.
        trust: Whether code in `path` or `weights` may run.
        inputs: In the order that the dataset gives them; pytorch has at least one,
            others none where the model's own are meant.
        outputs: Names, () where not written.
    """

    name: str
    slug: str
    framework: str
    runtime: str | None
    path: str | None
    signature: str | None
    factory: PythonObject | None
    weights: str | None
    trust: bool
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """A demand that ops stay fp32.

    Attributes:
        pattern: An op type, or a regular expression for `re.fullmatch` on op names.
        where: The key that says so, for reasons ("mixed_precision.op_wise['fc']").
    """

    pattern: str
    where: str


@dataclass(frozen=True, slots=True)
class Pins:
    """The user's pins, each kind sorted by pattern."""

    types: tuple[Pin, ...] = ()
    names: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonClass:
    """The user's own dataset or metric, and the keyword arguments it is made with."""

    object: PythonObject
    args: Mapping[str, Data]


Dataset = DatasetFile | PythonClass
Metric = BuiltIn | PythonClass


@dataclass(frozen=True, slots=True)
class Criterion:
    """The accuracy demanded: exactly one of relative and absolute is set."""

    relative: float | None
    absolute: float | None
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a conversion is judged by.

    Attributes:
        dataset: Where the samples come from.
        transforms: What is done to each sample, in order.
        metric: How the outputs are judged, None where nothing is executed.
        criterion: The accuracy demanded, None without a metric.
        batches: How many are evaluated, None for all.
        keep_last: Whether a last, smaller batch is evaluated.
    """

    dataset: Dataset | None
    transforms: tuple[Transform, ...]
    metric: Metric | None
    criterion: Criterion | None
    batches: int | None
    keep_last: bool
    eval_func: object = field(default=None, metadata={ADDED: True})
    unbuilt: tuple[str, ...] = field(default=(), metadata={ADDED: True})


@dataclass(frozen=True, slots=True)
class Budget:
    """When the search stops, and when a trial does.

    Attributes:
        timeout: Seconds; None for no limit.
        error_rate: Of a trial's early verdict; None for the runtime's own, 0 for none.
    """

    max_trials: int
    timeout: int | None
    error_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec, every decision that it holds made explicit.

    Attributes:
        model: What is converted.
        device: "cpu" or "cuda".
        precisions: The 16-bit precisions that ops are converted to: of several each
            is tried by itself.
        pins: The ops that the user keeps in fp32.
        evaluation: None where there is no criterion and inputs are synthetic.
        objective: "low_compute", "latency" or "memory".
        execution: "eager" or "compile"; whether a compiled package is made too.
        budget: When the search stops.
        batch_size: Samples in a batch, for evaluation and for costs.
        seed: Seed of everything that is random.
        costs: "measured" or "static"; what objective "latency" goes by.
        notices: What the user should hear; no part of the canonical form.
    """

    model: Model
    device: str
    precisions: tuple[Low, ...]
    pins: Pins
    evaluation: Evaluation
    objective: str
    execution: str
    budget: Budget
    batch_size: int
    seed: int
    costs: str
    notices: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether a metric judges what is made; else the data only shows values."""
        return self.evaluation.metric is not None
