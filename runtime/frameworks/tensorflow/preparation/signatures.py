"""What signatures compute alike becomes one: their weights and FLOPs count once.

Keras writes two signatures of one graph, and a model that is served often has more, such
as one for logits and one for probabilities. Each brings a graph of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..bodies.bodies import MAIN, Return
from ..bodies.editing import redirect
from ..ir.frozen import Endpoint, Signature
from ..ir.naming import flat, parsed
from ..ir.schemas import outputs
from .digests import Digests
from .draft import Draft


def share_signatures(draft: Draft) -> None:
    """Let each signature that equals an earlier one, up to names, have its tensors.

    Others take an earlier one's inputs where these are alike, and of its nodes those that
    compute what theirs do. Nodes with state stay their own.
    """
    for place in range(1, len(draft.signatures)):
        for earlier in range(place):
            if _share_all(draft, earlier, place):
                break
        else:
            for earlier in range(place):
                _share_some(draft, earlier, place)
    returns = iter(draft.bodies[MAIN].returns)
    draft.signatures = tuple(
        replace(
            each,
            outputs=tuple(
                replace(e, tensor=next(returns).tensor) for e in each.outputs
            ),
        )
        for each in draft.signatures
    )


def _tensors(draft: Draft, place: int) -> list[str]:
    """What a signature's outputs are now."""
    return [each.tensor for each in _returns(draft, place)]


def _returns(draft: Draft, place: int) -> list[Return]:
    start = sum(len(each.outputs) for each in draft.signatures[:place])
    stop = start + len(draft.signatures[place].outputs)
    return draft.bodies[MAIN].returns[start:stop]


def _share_all(draft: Draft, earlier: int, place: int) -> bool:
    """Have a signature return the earlier one's tensors, if it computes the same.

    What makes the earlier one's is what the other's nodes are part of now.
    """
    main, digests = draft.bodies[MAIN], Digests(draft.bodies)
    first, other = draft.signatures[earlier], draft.signatures[place]
    inputs = _paired(first.inputs, other.inputs)
    ends = _paired(first.outputs, other.outputs)
    if inputs is None or ends is None:
        return False
    names = [each.name for each in first.outputs]
    own = dict(zip(names, _tensors(draft, earlier), strict=True))
    found, tensors = [own[each.name] for each in ends], _tensors(draft, place)
    firsts = digests.nodes(main, found, _fed(inputs))
    seconds = digests.nodes(main, tensors, _fed(other.inputs))
    if _made(firsts, found) != _made(seconds, tensors):
        return False
    twins = {digest: name for name, digest in firsts.items()}
    for name, digest in seconds.items():
        if name not in firsts:
            draft.absorb(main, twins[digest], name)
    for each, tensor in zip(_returns(draft, place), found, strict=True):
        each.tensor = tensor
    _take_inputs(draft, place, inputs)
    return True


def _share_some(draft: Draft, earlier: int, place: int) -> None:
    """Have a signature use the earlier one's nodes where they compute the same."""
    main, digests = draft.bodies[MAIN], Digests(draft.bodies)
    first, other = draft.signatures[earlier], draft.signatures[place]
    named = {each.name: each for each in first.inputs}
    inputs = [
        named[each.name] if _alike(named.get(each.name), each) else each
        for each in other.inputs
    ]
    shared = [each for each in inputs if each in first.inputs]
    if not shared:
        return
    _take_inputs(draft, place, inputs)
    replaced = {
        flat(*parsed(old.tensor)): flat(*parsed(new.tensor))
        for old, new in zip(other.inputs, inputs, strict=True)
        if old.tensor != new.tensor
    }
    redirect(main, replaced)
    fed = _fed(shared)
    fed |= {parsed(e.tensor)[0]: f"own {e.name}" for e in inputs if e not in shared}
    fed |= {
        parsed(e.tensor)[0]: f"first {e.name}" for e in first.inputs if e not in shared
    }
    firsts = digests.nodes(main, _tensors(draft, earlier), fed, "first")
    seconds = digests.nodes(main, _tensors(draft, place), fed, "other")
    twins = {digest: name for name, digest in reversed(firsts.items())}
    same = {
        name: twins[digest]
        for name, digest in seconds.items()
        if name not in firsts and digest in twins
    }
    for name, twin in same.items():
        draft.absorb(main, twin, name)
    redirect(
        main,
        {
            flat(name, k): flat(twin, k)
            for name, twin in same.items()
            for k in range(-1, len(outputs(main.nodes[name])))
        },
    )


def _take_inputs(draft: Draft, place: int, inputs: Sequence[Endpoint]) -> None:
    other = draft.signatures[place]
    taken = tuple(
        replace(each, tensor=own.tensor)
        for each, own in zip(other.inputs, inputs, strict=True)
    )
    signatures: list[Signature] = list(draft.signatures)
    signatures[place] = replace(other, inputs=taken)
    draft.signatures = tuple(signatures)


def _fed(inputs: Sequence[Endpoint]) -> dict[str, str]:
    """Inputs count by their places."""
    return {parsed(e.tensor)[0]: f"input {place}" for place, e in enumerate(inputs)}


def _made(digests: Mapping[str, str], tensors: Sequence[str]) -> list[tuple[str, int]]:
    return [(digests[node], index) for node, index in map(parsed, tensors)]


def _paired(
    first: Sequence[Endpoint], other: Sequence[Endpoint]
) -> list[Endpoint] | None:
    """For each of the other's endpoints the first's: by name, else by place."""
    if len(first) != len(other):
        return None
    named = {each.name: each for each in first}
    if named.keys() == {each.name for each in other}:
        found = [named[each.name] for each in other]
    else:
        found = list(first)
    return found if all(map(_alike, found, other)) else None


def _alike(one: Endpoint | None, other: Endpoint) -> bool:
    return one is not None and (one.dtype, one.shape) == (other.dtype, other.shape)
