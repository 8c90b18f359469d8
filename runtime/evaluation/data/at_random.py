"""Steps at random that draw the same for a sample in any order, thread or process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Prepare = Callable[[Any, Any], tuple[Any, Any]]
"""A script's `prepare`: (input, label) → what the model takes, and the label."""

Drawing = Callable[[Any, Any, np.random.Generator], tuple[Any, Any]]
"""A `prepare` that draws from the generator of a sample."""


@dataclass(frozen=True, slots=True)
class AtRandom:
    """What each sample goes through, with a generator from the seed and its number."""

    prepare: Drawing
    seed: int

    def of(self, number: int) -> Prepare:
        """What the sample with this number goes through."""

        def prepare(image: Any, label: Any) -> tuple[Any, Any]:
            generator = np.random.default_rng((self.seed, number))
            return self.prepare(image, label, generator)

        return prepare


def at_random(prepare: Drawing, seed: int) -> AtRandom:
    """Let `prepare` draw for each sample by itself."""
    return AtRandom(prepare, seed)


def prepare_of(prepare: Prepare | AtRandom, number: int) -> Prepare:
    """What the sample with this number goes through."""
    return prepare.of(number) if isinstance(prepare, AtRandom) else prepare
