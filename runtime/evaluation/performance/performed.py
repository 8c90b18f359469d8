"""What was measured of speed: percentiles, throughput, memory and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...common.strict_json import (
    count,
    listed,
    mapped,
    number,
    optional,
    record,
    row,
    seconds,
    text,
)

PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Speed:
    """One model.

    Attributes:
        latency: Seconds of a batch at each of `PERCENTILES`, of all instances.
        noise: Quartiles of these seconds.
        throughput: Samples per second of all instances together, at the median of each:
            one batch that waited for the machine would be the whole of a mean.
        throughput_noise: The same at the quartiles.
        runs: Batches that were timed.
        peak_bytes: The most memory of a process that held this model alone, None where
            the system doesn't say.
        file_bytes: What is on disk, None where it is the user's own to say.
    """

    latency: tuple[float, float, float]
    noise: tuple[float, float]
    throughput: float
    throughput_noise: tuple[float, float]
    runs: int
    peak_bytes: int | None = None
    file_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Performed:
    """All models, measured in turn.

    Attributes:
        models: By name: "fp32" as loaded, "prepared", "result".
        batch: Samples of a batch.
        instances: Processes that ran at once.
        cores: Of each, None where they were not bound.
        notes: What was not as it was asked for.
    """

    models: Mapping[str, Speed]
    batch: int
    instances: int
    cores: int | None
    notes: tuple[str, ...] = ()


def speed(
    taken: Sequence[Sequence[float]],
    batch: int,
    peak_bytes: int | None = None,
    file_bytes: int | None = None,
) -> Speed:
    """Of seconds per batch, in each instance."""
    whole = np.concatenate([np.asarray(each, np.float64) for each in taken])
    latency = tuple(float(v) for v in np.percentile(whole, PERCENTILES))
    low, high = (float(v) for v in np.percentile(whole, (25, 75)))

    def rate(seconds_of: Any) -> float:
        return float(sum(batch / max(seconds_of(each), 1e-9) for each in taken))

    return Speed(
        (latency[0], latency[1], latency[2]),
        (low, high),
        rate(np.median),
        (
            rate(lambda each: np.percentile(each, 75)),
            rate(lambda each: np.percentile(each, 25)),
        ),
        len(whole),
        peak_bytes,
        file_bytes,
    )


SPEED = record(
    {
        "latency": row(seconds, seconds, seconds),
        "noise": row(seconds, seconds),
        "throughput": number,
        "throughput_noise": row(number, number),
        "runs": count,
        "peak_bytes": optional(count),
        "file_bytes": optional(count),
    },
    {},
)

PERFORMED = record(
    {
        "models": mapped(SPEED),
        "batch": count,
        "instances": count,
        "cores": optional(count),
        "notes": listed(text),
    },
    {},
)


def performed_data(performed: Performed) -> dict[str, Any]:
    """As plain data."""
    models = {name: _plain(asdict(each)) for name, each in performed.models.items()}
    return {
        "models": models,
        "batch": performed.batch,
        "instances": performed.instances,
        "cores": performed.cores,
        "notes": list(performed.notes),
    }


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}


def _frozen(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}


def performed_of(data: Mapping[str, Any]) -> Performed:
    """What `performed_data` was given."""
    models = {name: Speed(**_frozen(each)) for name, each in data["models"].items()}
    return Performed(
        models, data["batch"], data["instances"], data["cores"], tuple(data["notes"])
    )
