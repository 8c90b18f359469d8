"""What a strategy sees: ops in graph order, and a way to score those that stay fp32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Op:
    """An op that can be low: its name, the framework's type for it, its FLOPs."""

    name: str
    type: str
    flops: float


@dataclass(frozen=True, slots=True)
class Score:
    """One evaluation: how much worse than the baseline, and whether that is allowed.

    Attributes:
        loss: Infinite where there is no number.
    """

    loss: float
    passes: bool


Evaluate = Callable[[Names], Score]
"""Scores the model with these ops in fp32 and all others low."""


@dataclass(frozen=True)
class Problem:
    """One model to be placed.

    Attributes:
        ops: In graph order.
        sensitivities: Name → estimated harm of that op alone, for those that use it.
    """

    ops: tuple[Op, ...]
    evaluate: Evaluate
    sensitivities: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(op.name for op in self.ops)


Strategy = Callable[[Problem], Names | None]
"""What stays fp32 in the model that it delivers; None if it delivers none."""


@dataclass
class Log:
    """Remembers what was evaluated: the same set again costs nothing.

    Attributes:
        scores: In the order of the evaluations.
    """

    evaluate: Evaluate
    scores: dict[Names, Score] = field(default_factory=dict)

    def __call__(self, fp32: Names) -> Score:
        if fp32 not in self.scores:
            self.scores[fp32] = self.evaluate(fp32)
        return self.scores[fp32]

    def __len__(self) -> int:
        return len(self.scores)
