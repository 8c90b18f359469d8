"""How near outputs must stay to fp32's own: a constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.sections.drift import NearnessSection, place_of

from ..writing.code import Code, literal
from ..writing.layout import Group, call, laid_out, values


def drift_constant(spec: Spec) -> Iterator[Code]:
    """How near outputs must stay to fp32's own, if that is demanded."""
    drift = spec.evaluation.drift
    if drift is None:
        return
    all_ = drift.axis
    given = _nearness(drift)
    if drift.outputs:
        names = spec.model.outputs
        rows = (
            (
                f"{literal(_output(name, names))}: ",
                call("Drift", **_nearness(each, all_)),
            )
            for name, each in drift.outputs.items()
        )
        given["outputs"] = Group("{", tuple(rows), "}")
        if names:
            given["names"] = values(names)
    if drift.on_random_inputs:
        given["on_random_inputs"] = literal(True)
    yield laid_out("DRIFT = ", call("Drift", **given))


def _nearness(section: NearnessSection, all_: int = -1) -> dict[str, Code | Group]:
    """What is demanded, and on which axis, if that is not the one of all outputs."""
    given = {name: literal(getattr(section, name)) for name in section.demanded}
    if "axis" in section.written and section.axis != all_:
        given["axis"] = literal(section.axis)
    return dict(given)


def _output(name: str, names: Sequence[str]) -> str | int:
    """An output's name, or its place where that is what it says."""
    return name if name in names else place_of(name, names)
