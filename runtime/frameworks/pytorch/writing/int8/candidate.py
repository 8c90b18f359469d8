"""A contraction that can be written in int8, and its weight as integers."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ....quantizing.quantization import Integers
from ....quantizing.scaling import integers, weight_scales


@dataclass(frozen=True)
class Added:
    """What is added to all that a convolution makes, as part of its kernel.

    Attributes:
        sum: Name of the addition's node.
        data: That of the node whose value it takes as integers besides.
        tensor: What that value is called in the Graph.
    """

    sum: str
    data: str
    tensor: str


@dataclass(frozen=True)
class Candidate:
    """A contraction that can be written in int8.

    Attributes:
        node: Its name in the prepared graph.
        data: That of the node whose value it takes as integers.
        tensor: What that value is called in the Graph.
        weight: Name of the node of its constant operand.
        turned: Whether the weight's channels are its columns, as those of a product.
        taken: How what it takes is quantized.
        integers: How its weight is.
        added: None where nothing is that its kernel adds.
    """

    node: str
    data: str
    tensor: str
    weight: str
    turned: bool
    taken: Integers
    integers: Integers
    added: Added | None = None

    @property
    def activations(self) -> dict[str, str]:
        """Each tensor that is quantized for it, and its node."""
        own = {self.tensor: self.data}
        return own | ({self.added.tensor: self.added.data} if self.added else {})


@dataclass(frozen=True)
class IntegerWeight:
    """A weight as integers, channels first.

    Attributes:
        values: int8.
        scales: fp32, one for each channel.
        zeros: int64, 0 for each channel.
    """

    values: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor


def integer_weight(weight: torch.Tensor, op: Candidate) -> IntegerWeight:
    """A weight by the range of each channel, or of all.

    Kernels know scales of channels alone: one of all is written once for each.
    """
    rows = weight.detach().cpu()
    rows = rows.t().contiguous() if op.turned else rows
    array = rows.numpy()
    axis = None if op.integers.granularity == "per_tensor" else 0
    how = weight_scales(array, axis, op.integers)
    values = torch.from_numpy(integers(array, how))
    scales = torch.from_numpy(how.scales).expand(len(rows)).contiguous()
    return IntegerWeight(values, scales, torch.zeros(len(rows), dtype=torch.int64))
