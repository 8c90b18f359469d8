"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ...measuring import agreement
from ...protocol import Array, Inputs, Outputs, Predict, first_call
from ..ir.frozen import Frozen
from ..ir.regions import Region, regions
from ..preparation.identities import IDENTITIES
from ..running import eager
from ..running.interpreter import Interpreter, Observer, Value


def check_agreement(
    model: Predict,
    frozen: Frozen,
    prepared: Frozen,
    main: Region,
    inputs: Inputs,
    all_inputs: Inputs,
    names: Sequence[str] = (),
) -> None:
    """As `agreement.check_agreement`, of the first signature.

    Args:
        model: As loaded, called on batches.
        frozen: The model before it was prepared.
        main: The regions of the prepared one.
        inputs: Of the first signature.
        all_inputs: Of all that are converted.
    """
    others = (each.key for each in frozen.signatures[1:])
    frozen = replace(frozen, aside=frozenset(others))
    expected = first_call(model, inputs)
    cause = partial(
        agreement.why_it_differs,
        expected,
        partial(first_call, model, inputs),
        lambda: _outputs(Interpreter(regions(frozen), frozen.weights), inputs),
        "Freezing changed it: the model's variables or Python code depend on calls.",
        lambda: _first_divergence(
            _values(regions(frozen), frozen.weights, inputs),
            _values(main, prepared.weights, all_inputs),
            _folded(prepared),
        ),
    )
    found = _outputs(Interpreter(main, prepared.weights), all_inputs)
    found = found[: len(frozen.outputs)]
    own = [each.name for each in frozen.outputs]
    # Those that the graph does not have were left out, and warned of, as it was opened.
    there = [name for name in names if name.partition(":")[0] in own]
    known = there if len(there) == len(own) else names
    agreement.check_agreement(expected, found, cause, known, own)


def _outputs(runner: Interpreter, inputs: Inputs) -> Outputs:
    return tuple(map(eager.widened, runner.run(inputs)))


def _first_divergence(
    before: Mapping[str, Array], after: Mapping[str, Array], folded: frozenset[str]
) -> str:
    """Name of the first tensor that preparation made another, "" if none."""
    return agreement.first_divergence(
        (name, before[name], value)
        for name, value in after.items()
        if name in before and name not in folded
    )


def _folded(prepared: Frozen) -> frozenset[str]:
    """Nodes that make another value than they did, since a later node is part of them."""
    return frozenset(
        name
        for name, absorbed in prepared.absorbed.items()
        if any(a.id != name and a.type not in IDENTITIES for a in absorbed)
    )


def _values(
    main: Region, weights: Mapping[str, Array], inputs: Inputs
) -> dict[str, Array]:
    """What each op makes, by its name."""
    values: dict[str, Array] = {}

    def see(name: str, value: Value) -> None:
        values[name] = eager.widened(value)

    Observer(main, weights, see=see).run(inputs)
    return values
