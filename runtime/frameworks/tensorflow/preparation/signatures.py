"""Signatures that compute the same become one graph with several names.

Keras writes two, and a model that is served often has more. What only another signature
needs stays as it was, so each would bring the weights along once more, in fp32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from ..bodies.bodies import MAIN, Body
from ..ir.frozen import Endpoint, Signature
from ..ir.naming import parsed
from ..ir.protos import copied
from .draft import Draft


def share_signatures(draft: Draft) -> None:
    """Let each signature that equals the first, up to names, have the first's tensors."""
    main = draft.bodies[MAIN]
    tensors = [each.tensor for each in main.returns]
    starts = [0]
    for signature in draft.signatures:
        starts.append(starts[-1] + len(signature.outputs))
    first, *others = draft.signatures
    known = tensors[: starts[1]]
    kept = [_with_tensors(first, known)]
    for signature, start, stop in zip(others, starts[1:-1], starts[2:], strict=True):
        found = _shared(draft, first, known, signature, tensors[start:stop])
        for place, tensor in enumerate(found or (), start):
            main.returns[place].tensor = tensor
        if found is not None:
            inputs = _paired(first.inputs, signature.inputs) or ()
            signature = replace(
                signature,
                inputs=tuple(
                    replace(each, tensor=own.tensor)
                    for each, own in zip(signature.inputs, inputs, strict=True)
                ),
            )
        kept.append(_with_tensors(signature, found or tensors[start:stop]))
    draft.signatures = tuple(kept)


def _with_tensors(signature: Signature, tensors: Sequence[str]) -> Signature:
    outputs = zip(signature.outputs, tensors, strict=True)
    return replace(
        signature, outputs=tuple(replace(e, tensor=tensor) for e, tensor in outputs)
    )


def _shared(
    draft: Draft,
    first: Signature,
    known: Sequence[str],
    other: Signature,
    tensors: Sequence[str],
) -> list[str] | None:
    """The first signature's tensors for the other's outputs; None if they differ.

    What makes the first's is what the other's nodes are part of now.
    """
    main = draft.bodies[MAIN]
    inputs = _paired(first.inputs, other.inputs)
    outputs = _paired(first.outputs, other.outputs)
    if inputs is None or outputs is None:
        return None
    own = {each.name: tensor for each, tensor in zip(first.outputs, known, strict=True)}
    found = [own[each.name] for each in outputs]
    places = {parsed(each.tensor)[0]: place for place, each in enumerate(inputs)}
    others = {parsed(e.tensor)[0]: place for place, e in enumerate(other.inputs)}
    firsts, seconds = _digests(main, found, places), _digests(main, tensors, others)
    if _made(firsts, found) != _made(seconds, tensors):
        return None
    twins = {digest: name for name, digest in firsts.items()}
    for name, digest in seconds.items():
        if name not in firsts:
            draft.absorb(main, twins[digest], name)
    return found


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
    alike = all(
        (a.dtype, a.shape) == (b.dtype, b.shape)
        for a, b in zip(found, other, strict=True)
    )
    return found if alike else None


def _digests(
    body: Body, tensors: Sequence[str], inputs: Mapping[str, int]
) -> dict[str, str]:
    """Node → what it computes, names left out; inputs count by their places."""
    known = {name: f"input {place}" for name, place in inputs.items()}
    waiting = [parsed(each)[0] for each in tensors]
    while waiting:
        name = waiting[-1]
        taken = [parsed(each) for each in body.nodes[name].input]
        missing = [n for n, _ in taken if n not in known] if name not in known else []
        if missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        if name not in known:
            known[name] = _digest(body, name, [(known[n], k) for n, k in taken])
    return known


def _digest(body: Body, name: str, taken: Sequence[tuple[str, int]]) -> str:
    bare = copied(body.nodes[name])
    bare.name = "" if bare.op != "Placeholder" else name
    del bare.input[:]
    bare.ClearField("experimental_debug_info")
    for key in [key for key in bare.attr if key.startswith("_")]:
        del bare.attr[key]
    content: bytes = bare.SerializeToString(deterministic=True)
    return sha256(content + repr(taken).encode()).hexdigest()
