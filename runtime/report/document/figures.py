"""The numbers of a report: compute, accuracy, latency, size, trials.

Times are seconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...evaluation.judging.digits import said


@dataclass(frozen=True)
class Compute:
    """How much of the model computes in 16 bits.

    Attributes:
        flops, flops_low: FLOPs of the graph at the cost batch, and those in 16 bits.
        flops_int8, ops_int8: Those in int8.
        quantized: Whether the model came with them.
        ops, ops_low: Ops that could carry a precision at all, and those in 16 bits.
        casts: Conversions between precisions that the placement needs.
        kernels: Faster kernels that stand for several ops, "" if there are none.
    """

    flops: int
    flops_low: int
    ops: int
    ops_low: int
    casts: int
    kernels: str = ""
    flops_int8: int = 0
    ops_int8: int = 0
    quantized: bool = False

    @property
    def changed(self) -> bool:
        """Whether any op computes in other bits than it came in."""
        return bool(self.ops_low or (self.ops_int8 and not self.quantized))

    @property
    def share(self) -> float:
        """Of FLOPs in 16 bits."""
        return self.flops_low / max(self.flops, 1)

    @property
    def share_int8(self) -> float:
        """Of FLOPs in int8."""
        return self.flops_int8 / max(self.flops, 1)


@dataclass(frozen=True)
class Number:
    """One number that is judged.

    Attributes:
        metric: Its name.
        fp32: Of the model as loaded.
        result: Of the saved file.
        bound: The worst value that holds.
        relative, absolute: What the spec allows; null where it states another bound.
        stated: Whether the bound is stated as such: fp32 beside itself says nothing.
        higher_is_better: Its direction.
        holds: Whether it is within the bound.
        step: What one sample more or less makes of it, null where that is any number.
    """

    metric: str
    fp32: float
    result: float
    bound: float
    relative: float | None
    absolute: float | None
    stated: bool
    higher_is_better: bool
    holds: bool
    step: float | None


@dataclass(frozen=True)
class Product:
    """One of the numbers that a judged one is the mean of, each times its weight.

    Attributes:
        metric: Its name.
        fp32: Of the model as loaded.
        result: Of the saved file.
    """

    metric: str
    fp32: float
    result: float


@dataclass(frozen=True)
class Accuracy:
    """What is judged of the model as loaded and of the saved file, in full.

    Attributes:
        metric: The metric's name; of several numbers, the share of what is allowed that
            is used, of the one that uses most.
        samples: How many were judged, null where nobody counted them.
        fp32, result, bound, higher_is_better: Of the metric, or of that share.
        loss: How much worse the result is, in the metric's unit.
        holds: Whether the criterion holds.
        finite: Whether all outputs were finite.
        numbers: All that are judged, at least one.
        parts: What the one number is made of, where that is several.
    """

    metric: str
    samples: int | None
    fp32: float
    result: float
    bound: float
    higher_is_better: bool
    loss: float
    holds: bool
    finite: bool
    numbers: tuple[Number, ...]
    parts: tuple[Product, ...] = ()

    @property
    def limit(self) -> str:
        """On which side of the bound it holds."""
        return limit(self)


def limit(judged: Accuracy | Number) -> str:
    """On which side of its bound a number holds."""
    return "at least" if judged.higher_is_better else "at most"


def told(judged: Accuracy | Number) -> tuple[str, ...]:
    """fp32's, the result's and the bound, with their unit, told apart."""
    return said(judged.metric, judged.fp32, judged.result, judged.bound)


@dataclass(frozen=True)
class Latency:
    """Seconds for one batch.

    Attributes:
        median: The median.
        low, high: The quartiles around it.
        runs: How often it was timed.
        noisy: Whether the quartiles are too far apart to say how long it takes.
    """

    median: float
    low: float
    high: float
    runs: int
    noisy: bool = False


@dataclass(frozen=True)
class Contender:
    """One of the models that are held side by side.

    Attributes:
        key: `fp32` (as loaded), `prepared` (the same graph as the result's, all fp32),
            `result`, `compiled` (the result's package), or `rules` (what converters
            that go by lists of op types make).
        value: Its metric, null where it was not evaluated.
        holds: Whether it meets the criterion, null where that is not known.
        flops_low, flops_int8: FLOPs in 16 bits, and in int8.
        latency: Null where it was not timed.
        speedup: How many times as fast as `fp32`, null where that is too noisy to tell.
        verdict: `faster`, `slower`, `within noise` or `too noisy to tell`, beside
            `fp32`; "" untimed.
        note: What else is to be said of it.
    """

    key: str
    value: float | None = None
    holds: bool | None = None
    flops_low: int = 0
    latency: Latency | None = None
    speedup: float | None = None
    verdict: str = ""
    note: str = ""
    flops_int8: int = 0


@dataclass(frozen=True)
class Speed:
    """What one model does, as `evaluation.performance` asks for.

    Attributes:
        key: As in `contenders`.
        p50, p90, p99: Seconds of a batch at these percentiles, of all instances.
        throughput: Samples per second of all instances together, at their medians.
        throughput_low, throughput_high: The same at the quartiles.
        runs: Batches that were timed.
        peak_bytes: The most memory of a process that held this model alone, null where
            the system does not say.
        file_bytes: What is on disk, null where that is not known.
        low, high: Quartiles of the seconds of a batch, null in reports of before.
    """

    key: str
    p50: float
    p90: float
    p99: float
    throughput: float
    throughput_low: float
    throughput_high: float
    runs: int
    peak_bytes: int | None
    file_bytes: int | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Performance:
    """All models, measured in turn.

    Attributes:
        batch: Samples of a batch.
        instances: Processes that ran at once.
        cores: Of each, null where they were not bound.
        models: Each of them.
        notes: What was not as it was asked for.
    """

    batch: int
    instances: int
    cores: int | None
    models: tuple[Speed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """What is stored.

    Attributes:
        fp32: The model's weights in fp32.
        saved: The converted file.
        weights: Under objective memory, the weights as placed.
        package: The compiled package.
    """

    fp32: int
    saved: int
    weights: int | None = None
    package: int | None = None


@dataclass(frozen=True)
class Trial:
    """One placement that was evaluated.

    Attributes:
        number: From 1, in the order of the search.
        flops_low, ops_low: What it has in 16 bits.
        flops_int8, ops_int8: What it has in int8.
        value: Its metric, null where it failed or was not finite.
        samples: How many it was judged on, null where nobody counted.
        full: Whether it saw all data.
        holds: Whether it passed.
        failure: Why it failed, "" if it ran.
        delivered: Whether its placement is the result's.
    """

    number: int
    flops_low: int
    ops_low: int
    value: float | None
    samples: int | None
    full: bool
    holds: bool
    failure: str
    delivered: bool
    flops_int8: int = 0
    ops_int8: int = 0
