"""What two runs were made of, where that differs: their numbers are not of one thing."""

from __future__ import annotations

from collections.abc import Iterator

from ..document.document import Document


def differing(first: Document, other: Document) -> str:
    """A sentence on data, weights, inputs and spec; "" where they are the same."""
    unlike, aside = list(_held(first, other)), list(_aside(first, other))
    said = []
    if unlike:
        said.append(
            f"has {_listed(unlike)} than the first run: its fp32 numbers are not "
            "comparable with that run's, nor are its results"
        )
    elif _baselines(first, other):
        said.append(
            "fp32 itself scores otherwise than in the first run: they are not comparable"
        )
    if aside:
        said.append(f"differs from the first run in {_listed(aside)}")
    return "; ".join(said)


def _listed(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _held(first: Document, other: Document) -> Iterator[str]:
    files = _hashes(first, "data"), _hashes(other, "data")
    if _unlike(*files) or (not all(files) and _seen_otherwise(first, other)):
        yield "other data"
    elif _samples(first) != _samples(other):
        yield "another number of samples"
    if _unlike(_hashes(first, "model"), _hashes(other, "model")):
        yield "other weights"
    if first.assumed.made_up != other.assumed.made_up:
        yield "other inputs, which in one of them are made up,"
    elif _inputs(first) != _inputs(other):
        yield "other inputs"


def _aside(first: Document, other: Document) -> Iterator[str]:
    if _unlike(first.origin.spec_sha256, other.origin.spec_sha256):
        yield "its spec"
    if _hashes(first, "data") and _seen_otherwise(first, other):
        yield "its batches"
    if _unlike(_hashes(first, "python"), _hashes(other, "python")):
        yield "its Python modules"
    if first.origin.framework != other.origin.framework:
        yield "its framework"
    if _machine(first) != _machine(other):
        yield "its machine"


def _unlike(before: object, after: object) -> bool:
    """Whether both are known and differ."""
    return bool(before) and bool(after) and before != after


def _hashes(document: Document, kind: str) -> list[str]:
    """Files lie elsewhere for each report, and may be called otherwise."""
    return sorted(filter(None, document.origin.files.get(kind, {}).values()))


def _seen_otherwise(first: Document, other: Document) -> bool:
    return _unlike(first.assumed.data, other.assumed.data)


def _samples(document: Document) -> int | None:
    return None if document.accuracy is None else document.accuracy.samples


def _inputs(document: Document) -> list[tuple[str, str, str, str]]:
    """Of one sample: what they were traced with may be another batch."""
    return [
        (each.name, each.shape.partition(" × ")[2], each.dtype, each.drawn)
        for each in document.assumed.inputs
    ]


def _baselines(first: Document, other: Document) -> bool:
    """Whether fp32 has other numbers."""
    before, after = _fp32(first), _fp32(other)
    return any(before[name] != after[name] for name in before.keys() & after.keys())


def _fp32(document: Document) -> dict[str, float]:
    judged = document.accuracy
    numbers = () if judged is None else judged.numbers
    return {each.metric: each.fp32 for each in numbers if not each.stated}


def _machine(document: Document) -> str:
    return document.origin.cuda or document.origin.cpu
