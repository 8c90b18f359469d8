"""How int8 is made, where a spec asks for it: a constant, and the step that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from narrowcast.spec import Spec
from narrowcast.spec.quantization import SAMPLES, Integers, Quantization, Sides
from narrowcast.spec.releases.frameworks import TORCHAO

from .sections import CALIBRATED
from .writing.code import Code, literal
from .writing.imports import Import
from .writing.layout import Group, call, laid_out

PACKAGE = "narrowcast.runtime.frameworks.quantizing.quantization"


def quantizers(spec: Spec) -> tuple[str, ...]:
    """What finds ranges, where it is no part of the framework's own packages."""
    here = spec.quantization is not None and spec.model.framework == "pytorch"
    return (TORCHAO,) if here else ()


def quantization_constant(spec: Spec) -> Iterator[Code]:
    """What differs from the runtime's defaults."""
    if spec.quantization is not None:
        yield laid_out("QUANTIZATION = ", _quantization(spec.quantization))


def quantization_step(spec: Spec) -> Iterator[Code]:
    """The statement after the model is traced."""
    if spec.quantization is not None:
        own = calibrating(spec) is not None
        given = f"QUANTIZATION, {CALIBRATED.batches}" if own else "QUANTIZATION"
        yield Code(f"conversion = conversion.quantized({given})")


def calibrating(spec: Spec) -> Spec | None:
    """The spec as if it were judged by the data of int8's ranges; None where they have
    no data of their own."""
    given = spec.calibration
    if given is None:
        return None
    return replace(spec, evaluation=given.data, batch_size=given.batch_size)


def quantization_imports(spec: Spec) -> Iterator[Import]:
    """The classes that the constant is made of."""
    how = spec.quantization
    if how is None:
        return
    yield PACKAGE, "Quantization"
    said = [how.sides, *how.types.values(), *how.names.values()]
    if any(each != Sides() for each in said):
        yield PACKAGE, "Sides"
        yield PACKAGE, "Integers"


def _quantization(how: Quantization) -> Group:
    given: dict[str, Code | Group] = {}
    if how.dynamic:
        given["dynamic"] = literal(True)
    if how.samples != SAMPLES:
        given["samples"] = literal(how.samples)
    if how.sides != Sides():
        given["sides"] = _sides(how.sides)
    given |= {
        kind: _table(each)
        for kind, each in {"types": how.types, "names": how.names}.items()
        if each
    }
    return call("Quantization", **given)


def _table(named: Mapping[str, Sides]) -> Group:
    rows = ((f"{literal(name)}: ", _sides(sides)) for name, sides in named.items())
    return Group("{", tuple(rows), "}")


def _sides(sides: Sides) -> Group:
    both = {"activation": sides.activation, "weight": sides.weight}
    return call(
        "Sides",
        **{side: _integers(each) for side, each in both.items() if each != Integers()},
    )


def _integers(integers: Integers) -> Group:
    said = {key: literal(word) for key, word in asdict(integers).items() if word}
    return call("Integers", **said)
