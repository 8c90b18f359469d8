"""What int8's ranges are taken from: as many samples of the data as the spec says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...common.errors import DataError
from ...evaluation.batches import (
    CALIBRATION,
    DATASET,
    LOADERS,
    Batches,
    all_inputs,
    held_to,
)
from ...evaluation.identity import batch_digest, identity_of
from ...frameworks.inputs import Input
from ...frameworks.protocol import Inputs
from ..slots.conforming import alike
from ..slots.slots import Slots

EVALUATION, OWN = LOADERS.values()
RANDOM = "random inputs"


@dataclass
class Samples:
    """The first samples of some data, and what was seen of them.

    Attributes:
        batches: All of the data.
        named: The key of the spec that names it, or `RANDOM`.
        wanted: How many samples, in whole batches.
        inputs: What the batches are held to.
        seen: How many were read, by the last reading.
        digests: Of the inputs of the batches that it read.
    """

    batches: Batches
    named: str
    wanted: int
    inputs: tuple[Input, ...]
    seen: int = 0
    digests: list[bytes] = field(default_factory=list)

    def __iter__(self) -> Iterator[Inputs]:
        self.seen = 0
        self.digests = []
        batches = held_to(self.batches, self.inputs) if self.inputs else self.batches
        remedy = CALIBRATION if self.named == OWN else DATASET
        for inputs in all_inputs(batches, remedy):
            self.digests.append(batch_digest(*inputs))
            self.seen += samples_in(inputs)
            yield inputs
            if self.seen >= self.wanted:
                return

    def read(self) -> None:
        """Read them for what they are alone."""
        with self.told():
            for _inputs in self:
                pass

    @contextmanager
    def told(self) -> Iterator[None]:
        """What is wrong with data of their own is told as being of that."""
        try:
            yield
        except DataError as error:
            if self.named != OWN:
                raise
            raise DataError(f"{OWN}: {error.message}", error.remedy) from error

    @property
    def data(self) -> Mapping[str, Any]:
        """What was read, as plain data: that ranges are of it; {} for nothing."""
        if not self.digests:
            return {}
        found = identity_of(self.digests)
        return {
            "from": self.named,
            "samples": self.seen,
            "batches": found.batches,
            "digest": found.digest,
        }


def samples_in(inputs: Iterable[Any]) -> int:
    """How many samples a batch has."""
    return max((len(each) for each in inputs if len(each.shape)), default=1)


def samples_of(slots: Slots, own: Batches | None, wanted: int) -> Samples:
    """What ranges are taken from.

    Args:
        own: The script's data for that alone, None where it has none.
        wanted: How many samples.
    """
    if own is not None:
        return Samples(alike(own, slots.batches), OWN, wanted, slots.inputs)
    named = RANDOM if slots.made_up else EVALUATION
    return Samples(slots.batches, named, wanted, slots.inputs)
