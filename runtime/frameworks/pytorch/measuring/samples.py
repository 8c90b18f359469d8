"""Samples that do not see each other: what each alone contributes.

An axis counts samples if nothing of some samples' outputs goes back to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def over(direction: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """The direction over some samples only."""
    return direction * half.to(direction).view(-1, *[1] * (direction.dim() - 1))


def by_sample(value: torch.Tensor, axis: int, samples: int) -> torch.Tensor:
    """(samples, all else); along the axis, each sample's values follow each other."""
    return value.movedim(axis, 0).reshape(samples, -1)


def apart(gradient: torch.Tensor, half: torch.Tensor) -> list[int]:
    """Axes that can be those of samples: nothing arrives at samples beyond `half`."""
    samples = len(half)
    return [
        axis
        for axis, size in enumerate(gradient.shape)
        if size and size % samples == 0
        if not bool(by_sample(gradient, axis, samples)[~half].any())
    ]


def square(parts: Sequence[torch.Tensor]) -> float:
    """The square of the sum, or its sum over the samples if all parts know them."""
    if all(part.dim() for part in parts):
        return float(sum(parts[1:], start=parts[0]).square().sum())
    return float(sum(float(part.sum()) for part in parts)) ** 2
