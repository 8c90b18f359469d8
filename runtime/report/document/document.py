"""The contents of `NAME.report.json` (docs/report.md has them in prose).

Times are seconds, sizes bytes, shares between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .figures import Accuracy, Compute, Contender, Performance, Size, Trial
from .network import Kept, Module, OpRow, Stretch

FORMAT = 1

TITLE = "The report of one run of a narrowcast conversion script"


class Outcome(StrEnum):
    """What came of the criterion."""

    HOLDS = "holds"
    MISSED = "missed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Input:
    """One input of the model.

    Attributes:
        name: Its name.
        shape: Sizes; a name stands for one that varies. Where nothing declares them, those
            of the batch that was traced.
        dtype: "" where nothing declares it.
        drawn: Without data, which values were made up: "in [0, 999]".
    """

    name: str
    shape: str
    dtype: str
    drawn: str = ""


@dataclass(frozen=True)
class Assumed:
    """What the result was judged on, and what it says nothing of.

    Attributes:
        inputs: The model's inputs.
        made_up: Whether inputs were drawn at random, for want of data.
        batches: How many batches were judged, null where nobody counted.
        data: A digest of what was judged, "" where nothing was.
        said: Sentences: sizes that were judged, what was prepared, what is not known.
        read: How the script reads, prepares and batches the data.
    """

    inputs: tuple[Input, ...]
    made_up: bool
    batches: int | None
    data: str
    said: tuple[str, ...]
    read: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibrated:
    """What int8's ranges of activations were taken from.

    Attributes:
        data: The key of the spec that names it, or "random inputs".
        samples, batches: How many were read.
        digest: Of their inputs.
        algorithms: What made ranges of them: `minmax`, `kl`.
        tensors: How many have a scale.
    """

    data: str
    samples: int
    batches: int
    digest: str
    algorithms: tuple[str, ...]
    tensors: int


@dataclass(frozen=True)
class Origin:
    """What the result was made with and from; files relative to the report.

    Attributes:
        framework: Package and version.
        cpu, architecture: The machine's.
        cuda: The CUDA device, "" for none.
        is_target: Whether what is timed here counts.
        python: Python's version.
        system: The operating system.
        switches: Settings under which fp32 was fp32.
        spec: The spec's file, "" where the script does not say.
        spec_sha256: Of the canonical spec.
        script, plan, model, package: Files; "" for none.
        model_sha256: Of the converted model.
        graph: The graph's fingerprint.
        files: Kind (`model`, `data`, `python`) → file or module → sha256.
    """

    framework: str
    cpu: str
    architecture: str
    cuda: str
    is_target: bool
    python: str
    system: str
    switches: Mapping[str, str]
    spec: str
    spec_sha256: str
    script: str
    plan: str
    model: str
    package: str
    model_sha256: str
    graph: str
    files: Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True)
class Document:
    """The report of one run of a conversion script.

    Attributes:
        format: 1. Later versions only add to it.
        narrowcast: The version that wrote it.
        name: The model's name.
        made: When, in UTC.
        outcome: `holds`, `missed`, or `unchecked` where nothing was judged.
        verdict: The outcome in a sentence or two.
        exit_code: The run's.
        precision: What ops were lowered to.
        objective: What was optimised.
        unit: Of gains: `FLOPs`, `seconds` or `bytes`.
        searched: What was done to find the placement, in words.
        accuracy: Null where nothing was judged.
        drift: Then, the relative RMS error of the outputs; null where it is not known.
        contenders: Accuracy and latency, side by side.
        untimed: Why nothing was timed, "" if it was.
        trials: In order; empty where none is known.
        network: The whole, by modules.
        order: All ops that can be low, in the order of the graph.
        ranked_by: `error` if `ops` are those that harm most, `flops` if the heaviest.
        ops: The most of them, most first.
        fp32: All ops that stayed fp32 though they could carry a precision.
        warnings, notes: What the run said.
        origin: Machine, versions, files.
        reproduce: Commands, by what they do.
        performance: Null where the spec does not ask for it.
        calibrated: Null where nothing was quantized, or scales are computed as the
            model runs.
        above_int8: Ops that could compute in int8, or contract and have no kernel for
            it, and are in 16 bits or in fp32 for that.
        history: Of trials that an earlier run made, what is to be said of them; "" of
            this run's own.
    """

    format: int
    narrowcast: str
    name: str
    made: str
    outcome: Outcome
    verdict: str
    exit_code: int
    precision: str
    objective: str
    unit: str
    searched: str
    compute: Compute
    accuracy: Accuracy | None
    drift: float | None
    contenders: tuple[Contender, ...]
    untimed: str
    size: Size
    trials: tuple[Trial, ...]
    network: Module
    order: tuple[Stretch, ...]
    ranked_by: str
    ops: tuple[OpRow, ...]
    fp32: tuple[Kept, ...]
    assumed: Assumed
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    origin: Origin
    reproduce: Mapping[str, str]
    performance: Performance | None = None
    history: str = ""
    calibrated: Calibrated | None = None
    above_int8: tuple[Kept, ...] = ()
