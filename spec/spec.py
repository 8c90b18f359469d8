"""The Spec: what the user wrote, validated and normalised; what codegen reads.

Frozen dataclasses, since everything was checked before they are made: they cost
nothing at start-up and need no Pydantic to read. What is already normal as written
(a dataset, a transform, a metric with its parameters) is its frozen section itself,
so that a new one is a single class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .performance import Performance
from .quantization import Quantization
from .reading.diagnostics import Diagnostic
from .reading.source import Data
from .sections.datasets.dataset import BuiltInDataset
from .sections.drift import DriftSection
from .sections.metrics.measure import Measure
from .sections.metrics.poststeps import PostStep
from .sections.mixed_precision import Low
from .sections.transforms.transform import Transform

Supplied = Literal["supplied"]
SUPPLIED: Supplied = "supplied"
"""Stands for what is handed over when the script is run."""

ADDED = "added"
"""Marks a field that came later: left empty, a spec means what it meant without it."""


@dataclass(frozen=True)
class PythonObject:
    """Something to import: `from module import name`.

    Attributes:
        module: Dotted.
        name: The object, or the dotted way to it within the module.
    """

    module: str
    name: str


@dataclass(frozen=True)
class Input:
    """One input of the model.

    Attributes:
        name: As the model has it; pytorch: the argument's name, a Python name.
        shape: Sizes, or symbols (Python names) of those that vary; None: the model's.
        dtype: NumPy's name, or "string"; None for the model's own, else the data's.
        largest: Symbol of the shape → the most that it may be.
        range: The least and the largest value; () for any.
        values: A file of samples, POSIX path relative to the spec, or None.
        value: What it always is, alone in a tuple; () where that varies.
        freed: Whether the converted model takes it in 16 bits; `dtype` is the model's.
    """

    name: str
    shape: tuple[int | str, ...] | None
    dtype: str | None
    largest: Mapping[str, int] = field(default_factory=dict, metadata={ADDED: True})
    range: tuple[float, ...] = field(default=(), metadata={ADDED: True})
    values: str | None = field(default=None, metadata={ADDED: True})
    value: tuple[Data, ...] = field(default=(), metadata={ADDED: True})
    freed: bool = field(default=False, metadata={ADDED: True})


@dataclass(frozen=True)
class Model:
    """What is converted.

    Attributes:
        name: As written; one printable line.
        slug: The name as a file name's stem.
        framework: Ours ("pytorch").
        runtime: What executes an onnx model, None for other frameworks.
        path: File or folder, POSIX, relative to the spec; None where there is a factory.
        signature: That of a SavedModel, supplied ones too; None for other models.
        factory: Makes the model. None where there is a path.
        weights: POSIX path relative to the spec, None for the model's own.
        trust: Whether code in `path` or `weights` may run.
        inputs: In the data's order; none: the model's own, or what a batch feeds it.
        outputs: Names, () where not written.
        arguments: What the factory is called with, by keyword; texts that `is_path`
            holds for are POSIX paths relative to the spec.
        strip_prefix: What all names in `weights` begin with and the model's don't.
        freed_outputs: Those of `outputs` that the converted model returns in 16 bits.
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
    arguments: Mapping[str, Data] = field(default_factory=dict, metadata={ADDED: True})
    strip_prefix: str = field(default="", metadata={ADDED: True})
    freed_outputs: tuple[str, ...] = field(default=(), metadata={ADDED: True})

    @property
    def supplied(self) -> bool:
        """Whether the spec names no model: it is given when the script runs."""
        return self.path is None and self.factory is None


def is_path(argument: Data) -> bool:
    """Whether an argument of a factory, or a value within one, is a path."""
    return isinstance(argument, str) and argument.startswith(("./", "../"))


@dataclass(frozen=True)
class Pin:
    """A demand that ops stay fp32.

    Attributes:
        pattern: An op type, or a regular expression for `re.fullmatch` on op names.
        where: The key that says so, for reasons ("mixed_precision.op_wise['fc']").
    """

    pattern: str
    where: str


@dataclass(frozen=True)
class Pins:
    """The user's pins, each kind sorted by pattern; a narrower kind overrules a wider.

    Attributes:
        types: Op types that stay fp32.
        names: Regular expressions of names that do.
        everything: The key that says so of all ops, "" for none.
        freed_types: Op types that `everything` does not hold.
        freed_names: Regular expressions of names that neither it nor `types` hold.
        int8: The same of what int8 alone is forbidden to; None where it isn't asked for.
    """

    types: tuple[Pin, ...] = ()
    names: tuple[Pin, ...] = ()
    everything: str = field(default="", metadata={ADDED: True})
    freed_types: tuple[str, ...] = field(default=(), metadata={ADDED: True})
    freed_names: tuple[str, ...] = field(default=(), metadata={ADDED: True})
    int8: Pins | None = field(default=None, metadata={ADDED: True})


@dataclass(frozen=True)
class PythonClass:
    """The user's own dataset or metric, and the keyword arguments it is made with."""

    object: PythonObject
    args: Mapping[str, Data]


@dataclass(frozen=True)
class MultiMetrics:
    """Several metrics, in the order written.

    Attributes:
        weights: One for each: the mean of value times weight is judged; () where each is.
    """

    metrics: tuple[Measure, ...]
    weights: tuple[float, ...] = ()


Dataset = BuiltInDataset | PythonClass
Metric = Measure | PythonClass | MultiMetrics


def measures(metric: Metric | None) -> tuple[Measure, ...]:
    """The metrics of the runtime among what judges."""
    if isinstance(metric, MultiMetrics):
        return metric.metrics
    return (metric,) if isinstance(metric, Measure) else ()


@dataclass(frozen=True)
class Criterion:
    """The accuracy demanded: exactly one of relative and absolute is set. Of several
    metrics that must each hold, higher_is_better has their directions."""

    relative: float | None
    absolute: float | None
    higher_is_better: bool | tuple[bool, ...]


@dataclass(frozen=True)
class Evaluation:
    """What a conversion is judged by; what it leaves open is supplied to the script.

    Attributes:
        dataset: Where the samples come from, None where they are supplied.
        transforms: What is done to each sample of the dataset, in order.
        metric: How the outputs are judged; None where that is supplied, where there
            is an `eval_func`, and without a criterion.
        criterion: The accuracy demanded; None where nothing is judged: where nothing
            is executed, or only performance counts.
        batches: How many are evaluated, None for all.
        keep_last: Whether a last, smaller batch is evaluated.
        eval_func: Scores a whole model by itself: called with it, returns a number;
            SUPPLIED where Python code gives one.
        drift: How near outputs must stay to fp32's own besides, None for no matter.
        postprocess: What is done to outputs and labels before the metric, in order.
        shuffle: Whether samples of the dataset come in an order drawn from the seed.
        objects: How many an image has to have, None where all images are read.
    """

    dataset: Dataset | None
    transforms: tuple[Transform, ...]
    metric: Metric | None
    criterion: Criterion | None
    batches: int | None
    keep_last: bool
    eval_func: PythonObject | Supplied | None = field(
        default=None, metadata={ADDED: True}
    )
    drift: DriftSection | None = field(default=None, metadata={ADDED: True})
    postprocess: tuple[PostStep, ...] = field(default=(), metadata={ADDED: True})
    shuffle: bool = field(default=False, metadata={ADDED: True})
    objects: int | None = field(default=None, metadata={ADDED: True})


@dataclass(frozen=True)
class Calibration:
    """The data that int8's ranges are taken from, without metric and criterion."""

    data: Evaluation
    batch_size: int


@dataclass(frozen=True)
class Budget:
    """When the search stops, and when a trial does.

    Attributes:
        timeout: Seconds; None for no limit.
        error_rate: Of a trial's early verdict; None for the runtime's own, 0 for none.
    """

    max_trials: int
    timeout: int | None
    error_rate: float | None = None


@dataclass(frozen=True)
class Spec:
    """A spec, every decision that it holds made explicit.

    Attributes:
        model: What is converted.
        device: "cpu" or "cuda".
        precisions: 16-bit ones: of several each is tried by itself.
        pins: The ops that the user keeps in fp32.
        evaluation: What it is judged by.
        objective: "low_compute", "latency" or "memory".
        execution: "eager" or "compile"; whether a compiled package is made too.
        budget: When the search stops.
        batch_size: Samples in a batch, for evaluation and for costs.
        stated_size: The same where the spec says it: also of a random batch then, which
            has a few samples otherwise.
        seed: Seed of everything that is random.
        costs: "measured" or "static"; what objective "latency" goes by.
        performance: How speed is measured, None where nothing is executed or asked for.
        quantization: How int8 is made besides, None where it isn't asked for.
        calibration: The data of its ranges, None where that is evaluation's, or none.
        told: The framework by the command line, "" by the spec; no part of its meaning.
        notices: What the user should hear, in the order of the file; no part of what
            the spec means.
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
    performance: Performance | None = field(default=None, metadata={ADDED: True})
    quantization: Quantization | None = field(default=None, metadata={ADDED: True})
    calibration: Calibration | None = field(default=None, metadata={ADDED: True})
    stated_size: int | None = field(default=None, metadata={ADDED: True})
    told: str = field(default="", compare=False)
    notices: tuple[Diagnostic, ...] = field(default=(), compare=False)

    @property
    def judged(self) -> bool:
        """Whether what is made is held against a criterion, if there is data."""
        return self.evaluation.criterion is not None
