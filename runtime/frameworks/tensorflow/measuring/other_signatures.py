"""Signatures that no evaluation judges: which of them can be converted, and how well.

They are converted with the first one, as one graph. What they are judged by is their
output error on inputs of their own: the batch's where name, dtype and shape are alike,
else random ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ....common.errors import ModelError, NarrowcastError
from ...comparing import relative_error
from ...measuring.agreement import difference
from ...protocol import Array, Inputs, Outputs
from ..ir.frozen import Endpoint, Frozen, Signature, Signatures
from ..ir.regions import Region, regions
from ..preparation.prepare import prepare
from ..running import eager
from ..running.interpreter import Interpreter

OPEN = 16
"""Size of a dimension that varies, where the batch shows none."""

Reasons = Mapping[str, str]
"""Key of a signature that stays fp32 → why."""


def prepared_with_others(
    model: Any, frozen: Frozen, batch: Inputs
) -> tuple[Frozen, Inputs, Reasons]:
    """The prepared model, inputs for all of its signatures, and which stay fp32.

    Args:
        model: As loaded.
        batch: The first signature's inputs.
    """
    prepared = prepare(frozen)
    others = _others(prepared)
    if not others:
        return prepared, batch, {}
    aside = _refused(model, prepared, others, batch)
    if aside:
        prepared = prepare(replace(frozen, aside=frozenset(aside)))
    return prepared, _for_all(prepared, batch), aside


@dataclass(frozen=True)
class Others:
    """The signatures that are converted unjudged.

    Attributes:
        inputs: Of all signatures that are converted.
        aside: Those that stay fp32.
        errors: Signature → output error of what was converted last.
    """

    prepared: Frozen
    main: Region
    inputs: Inputs
    aside: Reasons
    errors: dict[str, float] = field(default_factory=dict)

    def check(self, converted: Frozen) -> None:
        """Run them as converted, and keep their errors.

        Raises:
            ModelError: One is not finite where fp32 is.
        """
        if not (others := _others(self.prepared)):
            return
        made = _run(regions(converted), converted, self.inputs)
        new = dict(zip(_tensors(self.prepared), made, strict=True))
        for each in others:
            pairs = [(self._expected[e.tensor], new[e.tensor]) for e in each.outputs]
            error = max((relative_error(*pair) for pair in pairs), default=0.0)
            if not np.isfinite(error):
                raise ModelError(
                    f"signature {each.key} is not finite as converted",
                    "Pin to fp32 what overflows there, or choose bf16.",
                )
            self.errors[each.key] = error

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the file was not judged, or is not converted."""
        first = self.prepared.signatures[0].key
        return (
            *(
                f"signature {key}: converted too, but judged only by its output error "
                f"on random inputs, {error:.1e}; any evaluation is of {first}"
                for key, error in self.errors.items()
            ),
            *(
                f"signature {key} stays fp32 in the file, and no FLOPs of it are "
                f"counted: {why}"
                for key, why in self.aside.items()
            ),
        )

    @cached_property
    def _expected(self) -> dict[str, Array]:
        made = _run(self.main, self.prepared, self.inputs)
        return dict(zip(_tensors(self.prepared), made, strict=True))


def _tensors(frozen: Frozen) -> list[str]:
    return [each.tensor for each in frozen.all_outputs]


def _run(main: Region, frozen: Frozen, inputs: Inputs) -> Outputs:
    return tuple(map(eager.widened, Interpreter(main, frozen.weights).run(inputs)))


def _others(frozen: Frozen) -> list[Signature]:
    """Converted signatures that return what no earlier one does."""
    known: set[str] = set()
    found = []
    for each in frozen.converted:
        tensors = {e.tensor for e in each.outputs}
        if known and not tensors <= known:
            found.append(each)
        known |= tensors
    return found


def _refused(
    model: Any, prepared: Frozen, others: Sequence[Signature], batch: Inputs
) -> dict[str, str]:
    """The signatures that don't run on inputs of this kind, or not the same prepared."""
    found: dict[str, str] = {}
    expected: dict[str, Outputs] = {}
    for each in others:
        try:
            own = _drawn(each, prepared.inputs, batch)
            if not isinstance(model, Signatures):
                raise ModelError("it can't be called by itself")
            expected[each.key] = model.called(each.key, tuple(own))
        except NarrowcastError as error:
            found[each.key] = error.message
    if not expected:
        return found
    kept = replace(prepared, aside=frozenset(found))
    try:
        made = _run(regions(kept), kept, _for_all(kept, batch))
    except NarrowcastError as error:
        return found | dict.fromkeys(expected, error.message)
    new = dict(zip(_tensors(kept), made, strict=True))
    for each in others:
        for endpoint, value in zip(
            each.outputs, expected.get(each.key, ()), strict=each.key in expected
        ):
            if apart := difference(value, new[endpoint.tensor]):
                found[each.key] = (
                    f"output {endpoint.name} is another by itself: {apart}"
                )
    return found


def _for_all(frozen: Frozen, batch: Inputs) -> Inputs:
    """The inputs of all signatures that are converted."""
    found = dict(zip((e.tensor for e in frozen.inputs), batch, strict=True))
    for each in frozen.converted[1:]:
        for endpoint, value in zip(
            each.inputs, _drawn(each, frozen.inputs, batch), strict=True
        ):
            found.setdefault(endpoint.tensor, value)
    return tuple(found[each.tensor] for each in frozen.all_inputs)


def _drawn(signature: Signature, first: Sequence[Endpoint], batch: Inputs) -> list[Any]:
    """Inputs for a signature, the same each time.

    Raises:
        ModelError: It takes what can't be drawn.
    """
    generator = np.random.default_rng(0)
    known = list(zip(first, batch, strict=True))
    return [_like(each, known, generator) for each in signature.inputs]


def _like(
    wanted: Endpoint, known: Sequence[tuple[Endpoint, Any]], generator: Any
) -> Any:
    if wanted.dtype == "object" or wanted.shape is None:
        what = "text" if wanted.dtype == "object" else "any shape"
        raise ModelError(f"its input {wanted.name} takes {what}, which can't be drawn")
    for each, value in known:
        fits = len(wanted.shape) == len(value.shape) and all(
            size in (None, own)
            for size, own in zip(wanted.shape, value.shape, strict=True)
        )
        if (each.name, each.dtype) == (wanted.name, wanted.dtype) and fits:
            return value
    sizes = [_size(size, k, known) for k, size in enumerate(wanted.shape)]
    if np.dtype(wanted.dtype).kind == "f":
        return generator.standard_normal(sizes).astype(wanted.dtype)
    return generator.integers(0, 2, sizes).astype(wanted.dtype)


def _size(size: int | None, place: int, known: Sequence[tuple[Endpoint, Any]]) -> int:
    """A size, or what the batch has where the first signature leaves it open too."""
    if size is not None:
        return size
    for each, value in known:
        if each.shape and place < len(each.shape) and each.shape[place] is None:
            return int(value.shape[place])
    return OPEN
