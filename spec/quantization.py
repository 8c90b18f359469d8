"""How int8 is made, as a Spec says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

from .reading.diagnostics import Steps
from .sections.dialect.quantization import SAMPLES as SAMPLES
from .sections.document import Document
from .sections.mixed_precision import (
    IMPOSSIBLE,
    INTEGERS,
    SIDE_WORDS,
    DtypeSection,
    OpSection,
)


@dataclass(frozen=True)
class Integers:
    """How one side of an op is quantized; "" leaves it to what the kernels want.

    Attributes:
        dtype: "int8" or "uint8".
        scheme: "sym" or "asym".
        granularity: "per_tensor" or "per_channel".
        algorithm: Of the range: "minmax" or "kl".
    """

    dtype: str = ""
    scheme: str = ""
    granularity: str = ""
    algorithm: str = ""


@dataclass(frozen=True)
class Sides:
    """How an op's activations and weights are quantized."""

    activation: Integers = Integers()
    weight: Integers = Integers()


@dataclass(frozen=True)
class Quantization:
    """How int8 is made.

    Attributes:
        dynamic: Whether scales of activations are computed as the model runs.
        samples: How many the ranges are taken from.
        sides: Of all ops that nothing below names.
        types: Op type → of its ops.
        names: Regular expression for whole names → of those ops.
    """

    dynamic: bool
    samples: int
    sides: Sides = Sides()
    types: Mapping[str, Sides] = field(default_factory=dict)
    names: Mapping[str, Sides] = field(default_factory=dict)


def quantization_of(document: Document) -> Quantization | None:
    """What a valid document says of int8; None where it doesn't ask for it.

    What is not said of a type or name is as `model_wise` has it.
    """
    if not document.mixed_precision.int8:
        return None
    section = document.quantization
    everything = _sides(section.model_wise)
    found: dict[str, dict[str, Sides]] = {"optype_wise": {}, "op_wise": {}}
    for (kind, name), op in _named(document):
        sides = _sides(op)
        if sides != Sides():
            found[kind].setdefault(name, _filled(sides, everything))
    types, names = (dict(sorted(each.items())) for each in found.values())
    return Quantization(
        section.is_dynamic, section.calibration.sizes[0], everything, types, names
    )


def _named(document: Document) -> Iterator[tuple[tuple[str, str], OpSection]]:
    """Kind and name of every demand that is of some ops."""
    for section in (document.mixed_precision, document.quantization):
        steps: Steps
        for steps, op in section.ops:
            if len(steps) > 1:
                yield (str(steps[0]), str(steps[1])), op


def _sides(op: OpSection) -> Sides:
    return Sides(_integers("activation", op.activation), _integers("weight", op.weight))


def _integers(side: str, section: DtypeSection) -> Integers:
    """What is written; a key that allows several things leaves them open."""
    said = {"dtype": [each for each in section.dtype if each in INTEGERS]}
    for key in SIDE_WORDS:
        words = dict.fromkeys(section.words(key))
        said[key] = [each for each in words if (side, each) not in IMPOSSIBLE]
    return Integers(
        **{key: each[0] for key, each in said.items() if len(set(each)) == 1}
    )


def _filled(narrower: Sides, wider: Sides) -> Sides:
    return Sides(
        _merged(narrower.activation, wider.activation),
        _merged(narrower.weight, wider.weight),
    )


def _merged(narrower: Integers, wider: Integers) -> Integers:
    names = (each.name for each in fields(Integers))
    return Integers(
        **{name: getattr(narrower, name) or getattr(wider, name) for name in names}
    )
