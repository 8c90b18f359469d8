"""What of a valid spec is written otherwise today, and what falls away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..normalise import DEVICES
from ..reading.diagnostics import Steps
from ..reading.source import Data, Source
from ..sections.dialect.written import is_theirs
from ..sections.document import Document
from ..sections.marks import INT8, effect_in
from ..sections.metrics.classification import TopK
from ..sections.mixed_precision import INTEGERS, OpSection
from ..sections.section import Section
from ..sections.tuning import OBJECTIVES
from .layout import flow

PERFORMANCE = ("evaluation", "performance")
OBJECTIVE = ("tuning", "objective")
PRECISIONS = ("mixed_precision", "precisions")
DIRECTIONS = ("evaluation", "accuracy", "multi_metrics", "higher_is_better")
TRIALS = ("tuning", "exit_policy", "max_trials")
TIMEOUT = ("tuning", "exit_policy", "timeout")
NO_LIMIT = "no limit; in Neural Compressor the first trial that passes ends the search"
DEFAULT = "the default"
PINS = ("optype_wise", "op_wise")


@dataclass(frozen=True)
class Value:
    """What is written today, and a comment: "was pytorch_fx"."""

    data: Data
    why: str


@dataclass(frozen=True)
class Changes:
    """What becomes of a document's keys.

    Attributes:
        dropped: Keys that fall away, and what is said of them: "has no effect here".
        written: Keys whose values are written otherwise, or that are new.
        moved: Ops of `quantization` that go to `mixed_precision`.
    """

    dropped: dict[Steps, str] = field(default_factory=dict)
    written: dict[Steps, Value] = field(default_factory=dict)
    moved: list[Steps] = field(default_factory=list)

    def touches(self, steps: Steps) -> bool:
        """Whether something changes at the key or below it."""
        changed = (*self.dropped, *self.written, *self.moved)
        return any(each[: len(steps)] == steps for each in changed)


def changes_of(document: Document, source: Source) -> Changes:
    """What becomes of the keys of the document, which is valid."""
    found, int8 = Changes(), document.mixed_precision.int8
    for at, section, key in _keys(document, (), int8):
        effect = effect_in(type(section).model_fields[key], int8)
        _change_key(found, (*at, key), getattr(section, key), effect, source)
    for name in ("mixed_precision", "quantization"):
        section = getattr(document, name)
        for steps, op in section.ops:
            change = _change_int8_op if int8 else _change_op
            change(found, (name, *steps), op)
    if not int8:  # else `quantization` says how that is made, of ops too
        _move_ops(found, document)
    _change_words(found, document, source)
    _change_objective(found, document)
    _change_several(found, document)
    return found


def _keys(
    section: Section, at: Steps, int8: bool
) -> Iterator[tuple[Steps, Section, str]]:
    """Every key that is written, but for those below what has no effect."""
    for key in section.written:
        yield at, section, key
        info = type(section).model_fields[key]
        if effect_in(info, int8) is None:
            yield from _within(getattr(section, key), (*at, key), int8)


def _within(
    value: object, at: Steps, int8: bool
) -> Iterator[tuple[Steps, Section, str]]:
    if isinstance(value, Section):
        yield from _keys(value, at, int8)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(each, (*at, key), int8)
    elif isinstance(value, tuple):
        for row, each in enumerate(value):
            yield from _within(each, (*at, row), int8)


def _change_key(
    found: Changes, at: Steps, value: object, effect: str | None, source: Source
) -> None:
    """A key of no effect falls away; a number in a text becomes a number."""
    if effect is not None:
        found.dropped[at] = effect
    else:
        written = _at(source.data, at)
        plain = _plain(written, value.k if isinstance(value, TopK) else value)
        if plain is not None:
            found.written[at] = Value(plain, f"was {flow(written)}")


def _at(data: Data, steps: Steps) -> Data:
    """What is written, None where the text has another form."""
    for step in steps:
        if isinstance(data, Mapping):
            data = data.get(str(step))
        elif isinstance(data, tuple) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _plain(written: Data, value: object) -> Data:
    """Numbers, true and false where a text is written for them; else None."""
    if isinstance(written, str):
        items = value if isinstance(value, tuple) else (value,)
        if items and all(isinstance(each, bool | int | float) for each in items):
            return value  # type: ignore[return-value]
    if isinstance(written, tuple) and isinstance(value, tuple):
        pairs = tuple(zip(written, value, strict=False))
        changed = [_plain(one, other) for one, other in pairs]
        if any(each is not None for each in changed):
            return value
    return None


def _change_op(found: Changes, at: Steps, op: OpSection) -> None:
    """What is about int8 falls away: an op that demands nothing else as a whole."""
    if not op.dtypes:
        why = INT8 if op.useless(int8=False) else "demands nothing"
        effects = (found.dropped.pop(each, None) for each in _below(found, at))
        found.dropped[at] = next((e for e in effects if e and e != INT8), why)
    elif op.activation.dtype and set(INTEGERS) & set(op.weight.dtype):
        found.dropped[(*at, "weight")] = INT8


def _change_int8_op(found: Changes, at: Steps, op: OpSection) -> None:
    """An op of which all keys fall away does so as a whole."""
    sides = {"activation": op.activation, "weight": op.weight}
    keys = [(*at, side, key) for side, each in sides.items() for key in each.written]
    if all(each in found.dropped for each in keys):
        whys = [found.dropped.pop(each) for each in _below(found, at)]
        found.dropped[at] = next(iter(whys), "demands nothing")


def _below(found: Changes, at: Steps) -> list[Steps]:
    return [each for each in found.dropped if each[: len(at)] == at]


def _move_ops(found: Changes, document: Document) -> None:
    """Ops of `quantization` go to `mixed_precision`, unless it has the same."""
    for kind in PINS:
        there = getattr(document.mixed_precision, kind)
        for name in getattr(document.quantization, kind):
            at = ("quantization", kind, name)
            if at not in found.dropped and name not in there:
                found.moved.append(at)


def _change_words(found: Changes, document: Document, source: Source) -> None:
    model, at = document.model, ("model", "framework")
    place = source.values.get(at)
    if place is None or place.scalar != document.framework:
        why = "was left open" if place is None else f"was {place.scalar}"
        found.written[at] = Value(document.framework, why)
    if model.runtime is None and document.runtime is not None:
        own = model.framework == document.framework
        why = DEFAULT if own else f"what {model.framework} means"
        found.written[("model", "runtime")] = Value(document.runtime, why)
    if not document.mixed_precision.precisions:
        lows = ", ".join(document.mixed_precision.lows)
        found.written[PRECISIONS] = Value(lows, DEFAULT)
    if "device" in document.model_fields_set:
        device = DEVICES[document.device]
        why = f"was {document.device}"
        if document.on_cpu and device != "cpu":
            device, why = (
                "cpu",
                f"{why}: {document.framework} models are converted on the CPU",
            )
        if device != document.device:
            found.written[("device",)] = Value(device, why)
    sought = OBJECTIVES[document.tuning.objective]
    if sought != document.tuning.objective:
        found.written[OBJECTIVE] = Value(sought, f"was {document.tuning.objective}")


def _change_objective(found: Changes, document: Document) -> None:
    """A section about performance asks for latency; what differs by default is said."""
    unsaid = "objective" not in document.tuning.model_fields_set
    if document.evaluation.performance is not None:
        if not document.executed:
            for at in _below(found, PERFORMANCE):
                del found.dropped[at]
            found.dropped[PERFORMANCE] = "is not measured: nothing is executed here"
        if unsaid:
            why = "what evaluation.performance asks for"
            found.written[OBJECTIVE] = Value("latency", why)
    elif unsaid and is_theirs(document):
        why = "in Neural Compressor it is performance"
        found.written[OBJECTIVE] = Value(document.tuning.objective, why)
    policy = document.tuning.exit_policy
    if "timeout" in policy.model_fields_set and policy.timeout == 0:
        found.written[TIMEOUT] = Value(0, NO_LIMIT)
    tried = document.judged and is_theirs(document)
    if tried and "max_trials" not in policy.model_fields_set:
        why = "in Neural Compressor it is 100"
        found.written[TRIALS] = Value(policy.max_trials, why)


def _change_several(found: Changes, document: Document) -> None:
    """Directions of metrics of which a mean is made."""
    accuracy = document.evaluation.accuracy
    several = accuracy.multi_metrics if accuracy else None
    if several and several.weight is not None and several.says("higher_is_better"):
        found.dropped[DIRECTIONS] = "has no effect beside weight"
