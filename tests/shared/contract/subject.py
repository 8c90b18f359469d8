"""An adapter with the zoo of its framework, and what is particular to both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import placements
from zoo import MODELS, Array, Contents, Model, Zoo

from narrowcast.runtime.doctor.adapters import ADAPTERS
from narrowcast.runtime.frameworks.adapter import Adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.protocol import Outputs, Predict, Traced
from narrowcast.runtime.graph.graph import Kind, Placement, Precision

Made = TypeVar("Made")
BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32


@dataclass(frozen=True)
class Side:
    """What is particular to one adapter: all else is promised by all.

    Attributes:
        zoo: The framework: module of the zoo, and name of a session of nox.
        low: The precision that is converted to.
        executes: Whether the framework itself runs here.
        differentiates: Whether there is a sketch.
        regions: Whether bodies of branches and loops are seen; else they stay fp32.
        keeps_ints: Whether integers come back as integers.
        switched: Whether something must be set so that fp32 means fp32.
        notes: What the notes mention, "" if there may be none.
        form: (op, kernel) that `mlp` can be given, if the framework has such.
    """

    zoo: str
    low: Precision
    executes: bool = True
    differentiates: bool = True
    regions: bool = True
    keeps_ints: bool = True
    switched: bool = True
    notes: str = ""
    form: tuple[str, str] | None = None


def _onnx(low: Precision, notes: str, **particular: Any) -> Side:
    return Side("onnx", low, differentiates=False, notes=notes, **particular)


SIDES: Mapping[str, Side] = {
    "pytorch": Side("pytorch", BF16, form=("first:linear:0", "linear+relu")),
    "tensorflow": Side("tensorflow", BF16),
    "mxnet": Side(
        "mxnet", BF16, regions=False, keeps_ints=False, notes="remove_amp_cast"
    ),
    "openvino": _onnx(BF16, "INFERENCE_PRECISION_HINT"),
    "onnxruntime": _onnx(FP16, "through fp32"),
    "tensorrt": _onnx(FP16, "TF32", executes=False),
    "any": _onnx(BF16, "not executed", executes=False, switched=False),
}
"""By their names in `ADAPTERS`."""


class Remembering:
    """An adapter that traces the same model on the same batch once."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.known: dict[object, tuple[Traced, object]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.adapter, name)

    def trace(
        self, model: Any, batch: Any, *, low: Precision, inputs: Any, outputs: Any = ()
    ) -> Traced:
        key = id(model), *map(id, batch), low, tuple(inputs), tuple(outputs)
        if key not in self.known:
            traced = self.adapter.trace(
                model, batch, low=low, inputs=inputs, outputs=outputs
            )
            self.known[key] = traced, (model, batch)
        return self.known[key][0]


class Subject:
    """An adapter, its zoo, and what was made of it: each once."""

    def __init__(
        self, name: str, like: Subject | None = None, stub: Any = None
    ) -> None:
        """
        Args:
            like: The same adapter without lies; its models and batches are used.
            stub: What stands in the adapter's place.
        """
        self.name, self.side = name, SIDES[name]
        self.like = like
        self.adapter: Adapter = stub or Remembering(ADAPTERS[name])
        self._made: dict[object, Any] = {}

    @cached_property
    def zoo(self) -> Zoo:
        module: Any = import_module(f"zoo.{self.side.zoo}")
        return module

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the models that its framework can express."""
        return tuple(name for name in MODELS if name not in self.zoo.LACKS)

    @property
    def low(self) -> Precision:
        return self.side.low

    @cached_property
    def folder(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(prefix="zoo-")
        return Path(self._folder.name)

    def _once(self, key: object, make: Callable[[], Made]) -> Made:
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def model(self, name: str) -> Any:
        """As a user has loaded it. It is called by nobody but `trace`."""
        if self.like is not None:
            return self.like.model(name)
        return self._once(("model", name), lambda: self._build(name))

    def as_loaded(self, name: str) -> object:
        """What tells whether the model was changed since."""
        if self.like is not None:
            return self.like.as_loaded(name)
        self.model(name)
        return self._made["as loaded", name]

    def _build(self, name: str) -> Any:
        model = self.zoo.build(name, self.folder)
        self._made["as loaded", name] = self.zoo.unchanged(model)
        return model

    def another(self, name: str) -> Any:
        """The same once more, to be called."""
        if self.like is not None:
            return self.like.another(name)
        return self._once(("other", name), lambda: self.zoo.build(name, self.empty()))

    def empty(self) -> Path:
        """A folder in which nothing is."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def tensors(self, arrays: tuple[Array, ...]) -> tuple[Any, ...]:
        return tuple(map(self.zoo.tensor, arrays))

    def batch(self, name: str) -> tuple[Any, ...]:
        if self.like is not None:
            return self.like.batch(name)
        return self._once(("batch", name), lambda: self.tensors(MODELS[name].batch))

    def inputs(self, name: str) -> list[Input]:
        return declared(MODELS[name])

    def traced(self, name: str) -> Traced:
        return self.adapter.trace(
            self.model(name),
            self.batch(name),
            low=self.low,
            inputs=self.inputs(name),
            outputs=MODELS[name].outputs,
        )

    def reference(self, name: str) -> Outputs:
        """What the model as loaded gives on the batch."""
        if self.like is not None:
            return self.like.reference(name)
        return self._once(("reference", name), lambda: self._reference(name))

    def _reference(self, name: str) -> Outputs:
        return self.adapter.predictor(self.another(name))(self.batch(name))

    def placement(self, name: str, kind: str = "low") -> Placement:
        """`low`: all that can be; `fp32`; `mixed`: contractions take turns."""
        return self._once((kind, name), lambda: self._placement(name, kind))

    def _placement(self, name: str, kind: str) -> Placement:
        traced = self.traced(name)
        if kind == "fp32":
            return placements.all_fp32(traced)
        compute = [op.id for op in traced.graph.ops if op.kind is Kind.COMPUTE]
        pins = compute[::2] if kind == "mixed" else []
        return placements.all_low(traced, self.low, pins)

    def saved(self, name: str, kind: str = "low") -> Path:
        """The converted model in a folder of its own."""
        return self._once(("saved", name, kind), lambda: self.save(name, kind))

    def save(self, name: str, kind: str = "low") -> Path:
        traced = self.traced(name)
        model = traced.apply(self.placement(name, kind))
        return traced.save(model, self.empty() / self.zoo.FILE)

    def converted(self, name: str, kind: str = "low") -> Outputs:
        """What the converted model gives on the batch."""
        return self._once(
            ("converted", name, kind),
            lambda: self.predictor(name, kind)(self.batch(name)),
        )

    def predictor(self, name: str, kind: str = "low") -> Predict:
        model = self.traced(name).apply(self.placement(name, kind))
        return self.adapter.predictor(model)

    def contents(self, name: str, kind: str = "low") -> Contents:
        return self.zoo.contents(self.saved(name, kind))


def declared(model: Model) -> list[Input]:
    """The inputs as a spec declares them, the first dimension free."""
    return [
        Input(name, ("batch", *value.shape[1:]), value.dtype.name)
        for name, value in model.inputs.items()
    ]


@cache
def subject(name: str) -> Subject:
    """The adapter as it is."""
    return Subject(name)


def files(path: Path) -> dict[str, bytes]:
    """What lies in the folder that a model was saved to: name → bytes."""
    folder = path.parent
    found = (each for each in sorted(folder.rglob("*")) if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in found}
