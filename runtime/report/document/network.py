"""The ops of a report: the network by modules, the ops that matter, those in fp32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Module:
    """A part of the network, with all that is in it.

    Attributes:
        path: Module path or name scope, "" for the whole.
        ops, ops_low, flops, flops_low: As in `compute`.
        ops_int8, flops_int8: Those that are placed in int8.
        types: Type of the ops that no part holds → how many there are.
        parts: The modules in it, in the order of the graph.
        folded: How many parts more are left out.
    """

    path: str
    ops: int
    ops_low: int
    flops: int
    flops_low: int
    types: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[Module, ...] = ()
    folded: int = 0
    ops_int8: int = 0
    flops_int8: int = 0


@dataclass(frozen=True)
class Stretch:
    """Ops that follow one another in the graph.

    Attributes:
        first: Id of the first.
        ops, ops_low, ops_int8: How many there are, are in 16 bits, and in int8.
        scope: Where the first is in the model: its module, or its node's name.
    """

    first: str
    ops: int
    ops_low: int
    scope: str = ""
    ops_int8: int = 0


@dataclass(frozen=True)
class OpRow:
    """One op.

    Attributes:
        id: Its id.
        type: Its type, in the framework's spelling.
        precision: What it computes in.
        flops: At the cost batch: what pinning it takes out of 16 bits.
        share: Of the predicted squared error of the outputs, null if not estimated.
        error: Relative error of the outputs if this op alone were low.
        why, text: What keeps it in fp32, and the reason in words; "" where it is low.
        gain: What an fp32 op would gain in 16 bits, in `unit` of the report.
        scope: Where it is in the model: its module, or its node's name.
    """

    id: str
    type: str
    precision: str
    flops: int
    share: float | None
    error: float | None
    why: str
    text: str
    gain: float | None
    scope: str = ""


@dataclass(frozen=True)
class Kept:
    """Ops that stayed fp32 for one reason.

    Attributes:
        why: `user`, `no kernel`, `range`, `bound`, `accuracy`, `latency`, `memory` or
            `cast`.
        text: In words.
        ops: Their ids.
        flops: Of all of them.
        scopes: Where each is in the model: its module, or its node's name.
    """

    why: str
    text: str
    ops: tuple[str, ...]
    flops: int
    scopes: tuple[str, ...] = ()
