"""Probing kernels in a child process: some of MXNet's end the process they run in.

One child runs the network in fp32 and, op by op, each distinct one in the low
precision beside it. It keeps a journal: what it is about to run, and what came of it.
When it dies, the journal says of what, and the next child goes on after that: each is
forked from a process that imported MXNet and has run nothing. Some kernels write where
they must not, and the child dies of it later: between two probes.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....common.errors import ModelError
from ....common.processes.fresh import FreshProcess
from ....graph.graph import Kind, Precision
from ...comparing import compared, relative_error
from ...protocol import Inputs, Probe
from ..ir import operators
from ..ir.arrays import PRECISIONS, cast, given, name_of, on_device, widened
from ..ir.library import mx, said_by
from ..ir.network import Network, from_json, to_json, with_outputs
from ..opening.untrusted import params
from ..running.alone import Ends, in_int8
from ..running.interpreter import Arrays, Runner, Step, same_attributes
from .journal import OUT_OF_MEMORY, SAID, bury, death, read, write

WRONG = 0.25
"""Relative error, against fp32 on the same rounded inputs, that is no rounding."""

LOST = 1.0
"""Relative error of an op in int8 that leaves nothing of its values; the search judges
what is nearer."""

MOVED = 2.0**-6
"""The same for ops that only move values."""

PROBING = FreshProcess(
    "probed MXNet's kernels",
    "It died between two probes, so of no kernel in 16 bits: MXNet does not run the fp32 "
    "model on this batch. Try another batch_size.",
)

DEATHS = 3
"""How often children may die of no kernel before the run ends."""

NONSENSE = "its kernel computes something else"

SYMBOL, VALUES = "symbol.json", "values.params"


def probe(
    network: Network,
    batch: Inputs,
    low: Precision,
    keys: Collection[int],
    int8: Mapping[int, Ends] | None = None,
) -> dict[int, Probe]:
    """Run each op in `keys` in `low` on the inputs that fp32 gives it.

    Ops with the same operator, attributes, shapes and dtypes are run once.

    Args:
        keys: Indices of nodes.
        int8: The scales of each, if they are to be run in int8.

    Raises:
        ModelError: The child dies although no op is being probed.
    """
    with tempfile.TemporaryDirectory(prefix="narrowcast-") as name:
        folder = Path(name)
        _hand_over(network, batch, folder)
        if keys:
            PROBING.call(probe_all, folder, low, sorted(keys), int8 or {})
        return read(folder).found


def probe_all(
    folder: Path, low: Precision, keys: Sequence[int], int8: Mapping[int, Ends]
) -> None:
    """What the child does that imported MXNet: have others go on until all is known.

    Raises:
        ModelError: They die although no op is being probed.
    """
    deaths = 0
    while read(folder).found.keys() < set(keys):
        try:
            PROBING.forked(probe_file, folder, low, keys, int8)
        except ModelError as error:
            if not isinstance(error.__cause__, EOFError):  # it said so itself
                raise
            deaths += not bury(folder, error)
            if deaths == DEATHS:
                raise _keeps_dying(error) from error


def _keeps_dying(error: ModelError) -> ModelError:
    memory = "It ran out of memory: take a smaller batch_size."
    how = death(error)
    return ModelError(
        f"the process that {PROBING.did} died {DEATHS} times: {how}",
        memory if how == OUT_OF_MEMORY else PROBING.remedy,
    )


def _hand_over(network: Network, batch: Inputs, folder: Path) -> None:
    (folder / SYMBOL).write_text(to_json(network))
    values = {f"parameter:{name}": v for name, v in network.parameters.items()}
    values |= {f"input:{k}": given(v).asnumpy() for k, v in enumerate(batch)}
    (folder / VALUES).write_bytes(params.to_bytes(values))


def _handed_over(folder: Path) -> Runner:
    values = params.read(folder / VALUES)
    held = {
        name.removeprefix("parameter:"): each
        for name, each in values.items()
        if name.startswith("parameter:")
    }
    batch = [each for name, each in values.items() if name.startswith("input:")]
    network = with_outputs(from_json((folder / SYMBOL).read_text()), held)
    return Runner(network, map(on_device, batch))


def probe_file(
    folder: Path, low: Precision, keys: Sequence[int], int8: Mapping[int, Ends]
) -> None:
    """What the child does: go on where the journal ends.

    It stops after a kernel that computed nonsense, which may have written anywhere.
    """
    said = os.open(folder / SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 2)  # a kernel that aborts says why there
    runner = _handed_over(folder)
    known = read(folder).found
    write(folder, None)
    waiting, seen = set(keys), dict[str, Probe]()
    for step in runner.steps():
        if step.index not in waiting:
            continue
        ends = int8.get(step.index)
        signature = f"{_signature(runner, step)} {ends}"
        found = known.get(step.index) or seen.get(signature)
        if found is None:
            write(folder, step.index)
            found = _probed(runner, step, low, ends)
        if step.index not in known:
            write(folder, step.index, found)
        spoilt = (
            step.index not in known
            and signature not in seen
            and NONSENSE in found.message
        )
        seen[signature] = found
        waiting.discard(step.index)
        if spoilt or not waiting:
            return


def _signature(runner: Runner, step: Step) -> str:
    forms = [
        f"{name_of(value.dtype)}{value.shape}{runner.network.constant(source)}"
        for value, (source, _output) in zip(step.inputs, step.node.inputs, strict=True)
    ]
    return f"{same_attributes(step.node)} {forms}"


def _probed(runner: Runner, step: Step, low: Precision, ends: Ends | None) -> Probe:
    taken = list(step.inputs)
    try:
        if ends is not None:
            made = in_int8(runner, step.index, step.inputs, ends)
        else:
            taken = runner.lowered(step.index, step.inputs, low)
            made = runner.run(step.index, taken, low)
        narrow = [widened(each) for each in made]
        wide = [widened(each) for each in step.outputs]
    except mx.base.MXNetError as error:
        text = f"MXNet's {step.node.op} fails in {low.dtype} on CPUs: {said_by(error)}"
        return Probe(None, math.inf, text)
    precisions = [PRECISIONS.get(name_of(each.dtype)) for each in made]
    found = compared(wide, narrow, precisions, low)
    if ends is not None and found.error > LOST:
        return Probe(None, found.error, f"{NONSENSE}: off by {found.error:.0%}")
    if found.output is None or found.error <= MOVED or ends is not None:
        return found
    return _unless_wrong(runner, step, taken, narrow, found)


def _unless_wrong(
    runner: Runner, step: Step, taken: Arrays, narrow: list[Any], found: Probe
) -> Probe:
    """Some kernels run and compute something else: `transpose` of a matrix in bf16."""
    rounded = [
        cast(low, Precision.FP32) if name_of(wide.dtype) == "float32" else wide
        for wide, low in zip(step.inputs, taken, strict=True)
    ]
    expected = map(widened, runner.run(step.index, rounded))
    error = max(map(relative_error, expected, narrow), default=0.0)
    mover = operators.kind(step.node) is Kind.MOVER
    if error <= (MOVED if mover else WRONG):
        return found
    text = f"{NONSENSE}: off by {error:.0%}"
    return Probe(None, error, text)
