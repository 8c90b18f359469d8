"""A small trained transformer that reads a digit row by row, the same in all frameworks.

It is described as steps, each one op of any framework. A builder (`rows_numpy.py`,
`rows_pytorch.py`) is a table from a step's op to the framework's function. Step names
become module paths or node names, so that `belongs` finds an op's step.
`train_rows.py` makes the weights; `culprits.py` plants ops that 16 bits break.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import one_model

Array = npt.NDArray[Any]

TOKENS, PIXELS, CLASSES, PERIOD, WAVES = 28, 28, 10, 64, 6
INPUTS = {"rows": (TOKENS, PIXELS), "positions": (TOKENS,)}
"""Name → shape of one sample; both are fp32 and have a batch dimension in front."""

EPSILON = 1e-5
"""What a layer norm adds to the variance."""


@dataclass(frozen=True)
class Step:
    """One op.

    Attributes:
        name: Of the step and of its output: `layers.0.mlp.up.times`.
        op: A key of `rows_numpy.OPS`, which says what it does.
        inputs: Names of the model's inputs, earlier steps or weights; a float is itself.
        at: Of a transpose the order of the axes, of a reshape the shape (the batch is
            -1), of sum, mean and max the axis, which stays with length 1. Softmax,
            layer_norm (of x, scale, shift), concat and argmax take the last axis.
    """

    name: str
    op: str
    inputs: tuple[str | float, ...]
    at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Network:
    """A model in full.

    Attributes:
        steps: In the order in which they run.
        weights: Name → fp32 array, for every input that is neither step nor float.
        outputs: Names of the steps whose outputs are the model's.
    """

    steps: tuple[Step, ...]
    weights: Mapping[str, Array]
    outputs: tuple[str, ...] = ("logits.plus",)

    def inserted(self, after: str, *steps: Step) -> Network:
        """With steps after one of them; whatever read it reads the last of them."""
        index = next(k for k, step in enumerate(self.steps) if step.name == after)
        last = steps[-1].name
        rest = (
            replace(
                s, inputs=tuple(last if name == after else name for name in s.inputs)
            )
            for s in self.steps[index + 1 :]
        )
        outputs = tuple(last if name == after else name for name in self.outputs)
        both = (*self.steps[: index + 1], *steps, *rest)
        return replace(self, steps=both, outputs=outputs)

    def replaced(self, name: str, *steps: Step) -> Network:
        """With other steps in the place of one; the last has its name."""
        assert steps[-1].name == name
        index = next(k for k, step in enumerate(self.steps) if step.name == name)
        both = (*self.steps[:index], *steps, *self.steps[index + 1 :])
        return replace(self, steps=both)

    def scaled(self, **factors: float) -> Network:
        """With some weights times a factor each; `__` in a keyword is a dot."""
        wide = {name.replace("__", "."): factor for name, factor in factors.items()}
        assert wide.keys() <= self.weights.keys()
        found = {
            name: (array * np.float32(wide.get(name, 1.0))).astype(np.float32)
            for name, array in self.weights.items()
        }
        return replace(self, weights=found)

    def with_weights(self, weights: Mapping[str, Array]) -> Network:
        """With more weights, or others."""
        return replace(self, weights={**self.weights, **weights})


@dataclass(frozen=True)
class Config:
    """How the network is written; none of it changes what it computes.

    Attributes:
        explicit_norm: Layer norms as nine primitives each, not as one op.
        explicit_softmax: Softmax as max, sub, exp, sum and div, not as one op.
        raised: With explicit softmax: instead of subtracting the maximum this is added.
    """

    width: int = 32
    hidden: int = 64
    heads: int = 4
    layers: int = 4
    explicit_norm: bool = False
    explicit_softmax: bool = False
    raised: float | None = None


@dataclass
class _Writer:
    """Writes steps one after the other; each method gives its output's name."""

    config: Config
    steps: list[Step] = field(default_factory=list)

    def step(
        self, name: str, op: str, *inputs: str | float, at: Sequence[int] = ()
    ) -> str:
        self.steps.append(Step(name, op, inputs, tuple(at)))
        return name

    def linear(self, name: str, x: str) -> str:
        x = self.step(f"{name}.times", "matmul", x, f"{name}.weight")
        return self.step(f"{name}.plus", "add", x, f"{name}.bias")

    def norm(self, name: str, x: str) -> str:
        scale, shift = f"{name}.scale", f"{name}.shift"
        if not self.config.explicit_norm:
            return self.step(f"{name}.norm", "layer_norm", x, scale, shift)
        mean = self.step(f"{name}.mean", "mean", x, at=[2])
        centred = self.step(f"{name}.centred", "sub", x, mean)
        square = self.step(f"{name}.square", "mul", centred, centred)
        variance = self.step(f"{name}.variance", "mean", square, at=[2])
        floored = self.step(f"{name}.floored", "add", variance, EPSILON)
        root = self.step(f"{name}.root", "sqrt", floored)
        ratio = self.step(f"{name}.ratio", "div", centred, root)
        scaled = self.step(f"{name}.scaled", "mul", ratio, scale)
        return self.step(f"{name}.shifted", "add", scaled, shift)

    def softmax(self, name: str, x: str) -> str:
        if not self.config.explicit_softmax:
            return self.step(f"{name}.softmax", "softmax", x)
        if self.config.raised is None:
            peak = self.step(f"{name}.peak", "max", x, at=[3])
            x = self.step(f"{name}.lowered", "sub", x, peak)
        else:
            x = self.step(f"{name}.raised", "add", x, self.config.raised)
        x = self.step(f"{name}.exp", "exp", x)
        total = self.step(f"{name}.sum", "sum", x, at=[3])
        return self.step(f"{name}.share", "div", x, total)

    def heads(self, name: str, x: str, order: Sequence[int]) -> str:
        each = self.config.width // self.config.heads
        x = self.linear(name, x)
        shape = (-1, TOKENS, self.config.heads, each)
        x = self.step(f"{name}.split", "reshape", x, at=shape)
        return self.step(f"{name}.turned", "transpose", x, at=order)

    def attention(self, name: str, x: str) -> str:
        query = self.heads(f"{name}.query", x, (0, 2, 1, 3))
        key = self.heads(f"{name}.key", x, (0, 2, 3, 1))
        value = self.heads(f"{name}.value", x, (0, 2, 1, 3))
        scores = self.step(f"{name}.scores", "matmul", query, key)
        each = self.config.width // self.config.heads
        scores = self.step(f"{name}.scaled", "mul", scores, each**-0.5)
        shares = self.softmax(f"{name}.shares", scores)
        mixed = self.step(f"{name}.mixed", "matmul", shares, value)
        mixed = self.step(f"{name}.turned", "transpose", mixed, at=(0, 2, 1, 3))
        shape = (-1, TOKENS, self.config.width)
        mixed = self.step(f"{name}.merged", "reshape", mixed, at=shape)
        return self.linear(f"{name}.out", mixed)

    def layer(self, name: str, x: str) -> str:
        y = self.attention(f"{name}.attention", self.norm(f"{name}.before", x))
        x = self.step(f"{name}.attended", "add", x, y)
        y = self.linear(f"{name}.mlp.up", self.norm(f"{name}.between", x))
        y = self.step(f"{name}.mlp.relu", "relu", y)
        y = self.linear(f"{name}.mlp.down", y)
        return self.step(f"{name}.done", "add", x, y)

    def position(self) -> str:
        x = self.step("position.each", "reshape", "positions", at=(-1, TOKENS, 1))
        angle = self.step("position.angle", "mul", x, "position.frequencies")
        sin = self.step("position.sin", "sin", angle)
        cos = self.step("position.cos", "cos", angle)
        waves = self.step("position.waves", "concat", sin, cos)
        return self.step("position.code", "matmul", waves, "position.weight")

    def network(self) -> tuple[Step, ...]:
        x = self.linear("embed", "rows")
        x = self.step("placed", "add", x, self.position())
        for k in range(self.config.layers):
            x = self.layer(f"layers.{k}", x)
        x = self.norm("last", x)
        x = self.step("pooled.mean", "mean", x, at=[1])
        x = self.step("pooled.flat", "reshape", x, at=(-1, self.config.width))
        self.linear("logits", x)
        return tuple(self.steps)


def steps(config: Config = Config()) -> tuple[Step, ...]:
    """The network's steps, with which `weights` or their like make it whole."""
    return _Writer(config).network()


def frequencies() -> Array:
    """Radians per row, (WAVES,): all waves are the same again after PERIOD rows."""
    turns = np.arange(1, WAVES + 1) / PERIOD
    return (2 * math.pi * turns).astype(np.float32)


@cache
def weights() -> Mapping[str, Array]:
    """The trained weights by name, fp32; matrices are (in, out)."""
    with np.load(Path(__file__).with_suffix(".npz")) as file:
        return {name: file[name] for name in file.files}


def network(config: Config = Config()) -> Network:
    """The trained network, logits (n, 10)."""
    return Network(steps(config), weights())


def positions(count: int, offset: float = 0.0) -> Array:
    """Rows counted from the middle one, (count, 28) fp32.

    An `offset` that is a multiple of PERIOD changes nothing but their size.
    """
    row = np.arange(TOKENS, dtype=np.float32) - TOKENS // 2 + np.float32(offset)
    return np.tile(row, (count, 1))


@cache
def digits(every: int = 10) -> tuple[Array, Array]:
    """Rows (n, 28, 28) fp32 and labels (n,) int64 that it was not trained on, mixed.

    Every 5th of MNIST's 5 000, or with `every=10` half of these.
    """
    assert every % 5 == 0
    images, labels = one_model.digits(every)
    mixed = np.random.default_rng(0).permutation(len(labels))
    return images[mixed, 0], labels[mixed]


def belongs(op: str, step: str) -> bool:
    """Whether an op's id is of that step, or of one whose name begins with it."""
    parts = op.replace("/", ".").replace(":", ".").split(".")
    wanted = step.split(".")
    starts = range(len(parts) - len(wanted) + 1)
    return any(parts[k : k + len(wanted)] == wanted for k in starts)
