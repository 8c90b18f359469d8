"""Running a model's regions node by node, so that every value can be seen and changed.

Control flow is interpreted, bodies included. Each node runs through eager execution,
with the kernels that a graph of it would have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import tensorflow as tf

from ....common.errors import ModelError
from ....graph.graph import Op
from ...loops import Route
from ..ir import operators
from ..ir.naming import data, flat, parsed
from ..ir.regions import CASES, LOOPS, Region
from ..ir.weights import value_of
from . import eager
from .reasons import FIT, reason

Key = tuple[str, str]
"""Region's id and node's name: what `Op.key` holds."""

Value = Any

_RUNS = count()


def key_of(op: Op) -> Key:
    """The op's own handle."""
    key: Any = op.key
    region, name = key
    return region, name


@dataclass
class Frame:
    """One run of one region.

    Attributes:
        values: Node name → its outputs, dropped after the last reader.
    """

    region: Region
    values: dict[str, list[Value]] = field(default_factory=dict)

    def get(self, reference: str) -> Value:
        name, index = parsed(reference)
        return self.values[name][index]


@dataclass(eq=False)
class Interpreter:
    """Runs a main region; what it does to a node is for heirs to change.

    Attributes:
        everywhere: Whether bodies that the batch skips are run once, aside.
        trips: Region's id → how often it ran to give the outputs.
    """

    everywhere: ClassVar[bool] = False

    main: Region
    weights: Mapping[str, Any] = field(default_factory=dict)
    route: Route[str] = field(default_factory=Route)
    trips: dict[str, int] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        self.weights = {k: tf.convert_to_tensor(v) for k, v in self.weights.items()}
        self.aside = False
        self.constants: dict[Key, Value] = {}
        self._forced: set[str] = set()
        self._resources: dict[Key, list[Value]] = {}

    def run(self, inputs: Sequence[Any]) -> list[Value]:
        """The outputs for a batch, in the order of the inputs."""
        self._forced.clear()
        if not self.main.restarts:
            self._start()
        return self.run_region(self.main, [tf.convert_to_tensor(i) for i in inputs])

    def run_region(self, region: Region, arguments: Sequence[Value]) -> list[Value]:
        """What the region returns."""
        if not self.aside:
            self.trips[region.id] = self.trips.get(region.id, 0) + 1
        frame = Frame(region)
        for name, value in zip(region.arguments, arguments, strict=True):
            frame.values[name] = [value]
            self.made(region, name, [value])
        for node, done in region.steps:
            if node.name in region.restarts:
                self._start()
            frame.values[node.name] = self.run_node(frame, node)
            for name in done:
                del frame.values[name]
        return [frame.get(each) for each in region.results]

    def run_node(self, frame: Frame, node: Any) -> list[Value]:
        region = frame.region
        if node.op == "Const":
            return [self.constant(region, node)]
        if not region.id and node.name in self.weights:
            return [self.weights[node.name]]
        if node.op in operators.RESOURCES:
            return self._resource(region, node)
        values = [frame.get(each) for each in data(node)]
        if node.name in region.bodies:
            made = self.run_control_flow(region, node, values)
        else:
            made = self.run_op(region, node, values)
        self.made(region, node.name, made)
        return made

    def _start(self) -> None:
        """Give the model the state that it was loaded with.

        Tables that nothing can write are filled once: TensorFlow refuses more.
        """
        frame = Frame(self.main)
        filled = bool(self._resources)
        for node in self.main.initial:
            if filled and operators.fills_once(node, self.main.by_name):
                frame.values[node.name] = []
            else:
                made = self.run_node(frame, node)
                frame.values[node.name] = made

    def _resource(self, region: Region, node: Any) -> list[Value]:
        """A variable or table of this run alone."""
        key = (region.id, node.name)
        if key not in self._resources:
            own = type(node)()
            own.CopyFrom(node)
            own.attr["shared_name"].s = f"narrowcast {next(_RUNS)}".encode()
            self._resources[key] = eager.run(own, [])
        return self._resources[key]

    def run_op(self, region: Region, node: Any, values: list[Value]) -> list[Value]:
        """The outputs of a node without bodies."""
        try:
            return eager.run(node, values)
        except (tf.errors.OpError, TypeError, ValueError) as error:
            raise ModelError(
                f"{region.within(node.name)} ({node.op}) fails: {reason(error)}",
                FIT,
            ) from error

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        """Called with what each argument and node is."""

    def is_constant(self, region: Region, reference: str) -> bool:
        """Whether a reference means a weight or constant."""
        name = parsed(reference)[0]
        if not region.id and name in self.weights:
            return True
        return bool(region.by_name[name].op == "Const")

    def constant(self, region: Region, node: Any) -> Value:
        """What a Const holds, converted once."""
        key = (region.id, node.name)
        if key not in self.constants:
            self.constants[key] = tf.constant(value_of(node))
        return self.constants[key]

    def run_control_flow(
        self, region: Region, node: Any, values: list[Value]
    ) -> list[Value]:
        bodies = region.bodies[node.name]
        if node.op in LOOPS:
            return self._loop(bodies["condition"], bodies["body"], values)
        if "call" in bodies:
            return self.run_region(bodies["call"], values)
        choice, *operands = values
        taken = self._choice(node, choice, list(bodies.values()))
        for body in bodies.values():
            if body is not taken and self.everywhere:
                self._beside(body, operands)
        return self.run_region(taken, operands)

    def _choice(self, node: Any, choice: Value, bodies: list[Region]) -> Region:
        for body in bodies:
            if body.id in self.route.forced and body.id not in self._forced:
                self._forced.add(body.id)
                return body
        if node.op in CASES:
            index = int(choice)
            return bodies[index if 0 <= index < len(bodies) else -1]
        return bodies[0 if _true(choice) else 1]

    def _loop(self, condition: Region, body: Region, state: list[Value]) -> list[Value]:
        iterations = 0
        while self._goes_on(condition, body, state):
            state = self.run_region(body, state)
            iterations += 1
            self.route.check(iterations)
        if self.everywhere and not iterations:
            self._beside(body, state)
        return state

    def _goes_on(self, condition: Region, body: Region, state: list[Value]) -> bool:
        go_on = _true(self.run_region(condition, state)[0])
        if body.id in self.route.forced and body.id not in self._forced:
            self._forced.add(body.id)
            return True
        return go_on

    def _beside(self, body: Region, operands: list[Value]) -> None:
        """Run a body that the batch skips; it may not take these operands."""
        outer, self.aside = self.aside, True
        try:
            self.run_region(body, operands)
        except ModelError as error:
            self.refused(body, error.message)
        finally:
            self.aside = outer

    def refused(self, body: Region, message: str) -> None:
        """Called when a body can't be run on operands that aren't meant for it."""


See = Callable[[str, Value], None]
"""Told each tensor's name and value, as often as it is made."""


@dataclass(eq=False)
class Observer(Interpreter):
    """Shows what arguments and nodes are, resources left out; bodies' too."""

    see: See = field(kw_only=True)

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        for index, value in enumerate(values):
            if value.dtype not in (tf.variant, tf.resource):
                self.see(region.within(flat(name, index)), value)


def _true(value: Value) -> bool:
    """TensorFlow's truth: a scalar's value, or whether there are elements."""
    if value.dtype == tf.string:
        return bool(tf.size(value) if value.shape.rank else len(value.numpy()))
    return bool(value) if value.shape.rank == 0 else bool(tf.size(value) > 0)
