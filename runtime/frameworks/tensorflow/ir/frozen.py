"""A TensorFlow model as one GraphDef: what loading and freezing hand to the conversion.

Loading (`load_saved_model`, `load_frozen_graph`, `load_keras`) makes a `Model`, which
is called as the user would call it and is the baseline. `Model.freeze()` makes a
`Frozen`; preparation folds it into another; `rewrite` makes a third from a placement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Protocol, runtime_checkable

from ...absorbed import Absorbed
from ...protocol import Array, Inputs, Outputs

PREDICT = "tensorflow/serving/predict"
SERVE = "serve"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One input or output of a signature.

    Attributes:
        name: Its key in the signature, which users know.
        tensor: What it is in the GraphDef, as `node:k`.
        dtype: NumPy's name ("float32", "int64", "bool", "object" for strings).
        shape: Sizes, None where one varies; None if the rank does.
    """

    name: str
    tensor: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call the model, by names.

    Attributes:
        key: "serving_default", or the user's own.
        inputs: In the model's own order, which positional calls follow.
        outputs: In the order of the names, as `tf.saved_model.load` gives them back,
            unless the model has an order of its own.
        method: The SignatureDef's method name.
    """

    key: str
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    method: str = PREDICT

    def indexed(self) -> Signature:
        """The same with `node:0` for tensors that are written `node`."""

        def full(each: Endpoint) -> Endpoint:
            return replace(each, tensor=each.tensor + ":0" * (":" not in each.tensor))

        inputs, outputs = map(full, self.inputs), map(full, self.outputs)
        return replace(self, inputs=tuple(inputs), outputs=tuple(outputs))


@dataclass(frozen=True)
class Frozen:
    """A graph without variables, and the ways to call it.

    Attributes:
        graph_def: All signatures' nodes, and the function library. Weights are Const
            nodes; every input is a Placeholder. Not to be changed by who gets it.
        signatures: The first is the one that is evaluated and timed.
        aside: Keys of signatures that are not converted: what only they need is saved
            as it is.
        absorbed: Node name → what is part of it; in a function `function/node`.
        dropped: Function, "" for the main graph → what is part of nothing.
        weights: Node name → value of weights that are too large for a GraphDef (2 GB):
            Placeholder nodes, which stand for constants.
        tags: Of the SavedModel that it came from.
        initial: Nodes that run once before the first call: they fill hash tables, and
            variables that the model itself writes, which stay VarHandleOp or
            VariableV2. Nothing else of a file is needed.
    """

    graph_def: Any
    signatures: tuple[Signature, ...]
    absorbed: Mapping[str, tuple[Absorbed, ...]] = field(default_factory=dict)
    dropped: Mapping[str, tuple[Absorbed, ...]] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    tags: tuple[str, ...] = (SERVE,)
    initial: tuple[str, ...] = ()
    aside: frozenset[str] = frozenset()

    @property
    def converted(self) -> tuple[Signature, ...]:
        """The signatures that are traced, the first among them."""
        return tuple(each for each in self.signatures if each.key not in self.aside)

    @property
    def inputs(self) -> tuple[Endpoint, ...]:
        """What the first signature takes."""
        return self.signatures[0].inputs

    @property
    def outputs(self) -> tuple[Endpoint, ...]:
        """What the first signature returns."""
        return self.signatures[0].outputs

    @property
    def all_inputs(self) -> tuple[Endpoint, ...]:
        """What the converted signatures take, each tensor once, the first's first."""
        return _each(self.inputs, (s.inputs for s in self.converted[1:]))

    @property
    def all_outputs(self) -> tuple[Endpoint, ...]:
        """What they return, likewise."""
        return _each(self.outputs, (s.outputs for s in self.converted[1:]))


def _each(
    first: tuple[Endpoint, ...], others: Iterable[tuple[Endpoint, ...]]
) -> tuple[Endpoint, ...]:
    found, known = list(first), {each.tensor for each in first}
    for each in chain.from_iterable(others):
        if each.tensor not in known:
            known.add(each.tensor)
            found.append(each)
    return tuple(found)


class Model(Protocol):
    """A model as loaded: the baseline, called as the user would call it."""

    @property
    def signature(self) -> Signature:
        """The one that is evaluated; `Endpoint.tensor` may be "" before freezing."""
        ...

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs for arrays or tensors in the signature's order."""
        ...

    def freeze(self) -> Frozen:
        """One graph that computes the same; the model itself stays as it is."""
        ...


@runtime_checkable
class Signatures(Protocol):
    """A model as loaded that can be called in more than one way."""

    def called(self, key: str, inputs: Inputs, /) -> Outputs:
        """What another signature returns, from the state as loaded.

        Raises:
            DataError: The inputs don't fit it.
        """
        ...


class Freezable(Protocol):
    """A graph with variables and tables, as freezing needs it."""

    @property
    def graph_def(self) -> Any:
        """What the signatures and `initial` need of the user's graph."""
        ...

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The one that is converted first."""
        ...

    @property
    def place(self) -> str:
        """What messages start with."""
        ...

    @property
    def bytes(self) -> Mapping[str, int]:
        """Of each variable."""
        ...

    @property
    def initial(self) -> tuple[str, ...]:
        """Nodes that run once before the first call."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Of the SavedModel."""
        ...

    def value(self, variable: str, /) -> Array:
        """A variable's value when the model has been loaded."""
        ...

    def content(self, table: Any, /) -> tuple[Any, Any]:
        """Keys and values that a table's node has when the model has been loaded."""
        ...
