"""What a batch norm does by channel, and a layer that does it too; all in float64.

Which norms fold into which layers is each adapter's to see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Values = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Norm:
    """y = (x − mean) · scale + beta by channel; each has one value a channel."""

    scale: Doubles
    mean: Doubles
    beta: Doubles

    @property
    def shift(self) -> Doubles:
        """t where y = scale · x + t."""
        return self.beta - self.mean * self.scale

    def biased(self, bias: Doubles | float) -> Doubles:
        """The bias of a layer with scaled weights, which had `bias` before the norm."""
        return (bias - self.mean) * self.scale + self.beta


def norm_of(
    gamma: Values | float,
    beta: Values | float,
    mean: Values | float,
    variance: Values | float,
    epsilon: float,
) -> Norm:
    """What a batch norm with these statistics does; scale is γ/√(var + ε)."""
    gamma, beta, mean, variance = (
        np.asarray(each, np.float64) for each in (gamma, beta, mean, variance)
    )
    return Norm(gamma / np.sqrt(variance + epsilon), mean, beta)


def scaled(weight: Values, scale: Doubles, axis: int) -> Doubles:
    """The weight times the scale of each channel; `axis` is that of the channels."""
    shape = [1] * weight.ndim
    shape[axis] = -1
    product: Doubles = np.asarray(weight, np.float64) * scale.reshape(shape)
    return product


def in_range(*values: Values) -> bool:
    """Whether all is finite; else the norm brings back what the layer alone leaves."""
    return all(bool(np.isfinite(each).all()) for each in values)
