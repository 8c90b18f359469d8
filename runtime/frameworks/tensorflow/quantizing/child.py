"""Trying int8 kernels in a child process: one that is given what it can't take ends it.

The child keeps a journal of what it is about to try and what came of it: when it dies,
that says of what.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ....common.errors import ModelError
from ....common.processes.fresh import FreshProcess
from ...comparing import relative_error
from ...protocol import Array
from ...quantizing.quantization import Integers, Scale
from ...quantizing.scaling import scale_of
from ..ir.int8.candidate import weight_integers
from ..ir.protos import GraphDef, NodeDef
from ..running import eager
from ..running.integers import rounded
from ..running.reasons import FAILURES, reason
from ..running.session import GraphSession
from .alone import Alone, channels_of, graph_nodes

TRYING = FreshProcess("tried TensorFlow's int8 kernels")

WRONG = 0.03
"""Relative error against the same arithmetic in fp32 that is no rounding."""

KNOWN: dict[Alone, str] = {}
"""What came of each kernel in this process: "" where it runs and is right."""


def tried(forms: Sequence[Alone]) -> dict[Alone, str]:
    """Form → why it can't be had here, "" where it can."""
    new = [form for form in dict.fromkeys(forms) if form not in KNOWN]
    with tempfile.TemporaryDirectory(prefix="narrowcast-") as folder:
        journal = Path(folder) / "journal"
        journal.touch()
        while len(done := _read(journal)) < len(new):
            try:
                TRYING.call(try_all, new, journal)
            except ModelError as error:
                begun = journal.read_text().splitlines()
                if not begun or not begun[-1].startswith("?"):
                    raise
                with journal.open("a") as file:
                    said = f"the process that ran the kernel died ({error.message})"
                    file.write(json.dumps(said) + "\n")
    KNOWN.update(zip(new, done, strict=True))
    return {form: KNOWN[form] for form in forms}


def _read(journal: Path) -> list[str]:
    lines = journal.read_text().splitlines()
    return [json.loads(line) for line in lines if not line.startswith("?")]


def try_all(forms: Sequence[Alone], journal: Path) -> None:
    """What the child does: go on where the journal ends."""
    done = len(_read(journal))
    for form in forms[done:]:
        with journal.open("a") as file:
            file.write("?\n")
        said = _tried(form)
        with journal.open("a") as file:
            file.write(json.dumps(said) + "\n")


def _tried(form: Alone) -> str:
    random = np.random.default_rng(0)
    x = random.normal(size=form.given).astype(np.float32)
    x = np.abs(x) if form.dtypes[0] == "uint8" else x
    weight = random.normal(size=form.weight).astype(np.float32)
    bias = random.normal(size=channels_of(form)).astype(np.float32)
    given = _scale(x, form.dtypes[0])
    axis = len(form.weight) - 1 if form.channels else None
    whole, ends = weight_integers(weight, axis)
    try:
        expected = _floats(
            form, rounded(x, given), whole * (ends / np.float32(127)), bias
        )
        z = np.abs(random.normal(size=expected.shape).astype(np.float32))
        added = _scale(z, "uint8")
        if form.sum:
            expected = expected + rounded(z, added).numpy()
        if form.relu or (form.rounded and form.dtypes[1] == "uint8"):
            expected = expected.clip(0)
        made = _scale(expected, form.dtypes[1])
        graph = GraphDef()
        graph.versions.producer = tf.version.GRAPH_DEF_VERSION
        batch = {"x": x, "z": z} if form.sum else {"x": x}
        for name in batch:
            node = graph.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = 1
        graph.node.extend(graph_nodes(form, weight, bias, (given, made, added)))
        (found,) = GraphSession(graph, [*batch], ["y"], {})(tuple(batch.values()))
    except FAILURES as error:
        return reason(error)
    if form.rounded:
        expected = rounded(expected, made).numpy()
    error_ = relative_error(expected, found)
    return "" if error_ < WRONG else f"the kernel computes something else: {error_:.0%}"


def _scale(values: Array, dtype: str) -> Scale:
    scheme = "sym" if dtype == "int8" else "asym"
    low = float(values.min()) if dtype == "int8" else 0.0
    return scale_of(low, float(values.max()), Integers(dtype, scheme))


def _floats(form: Alone, x: Array, weight: Array, bias: Array) -> Array:
    """Its product and bias in fp32."""
    node = NodeDef()
    node.ParseFromString(form.node)
    node.attr["T"].type = 1
    made = eager.run(node, [tf.constant(x), tf.constant(weight)])[0] + bias
    found: Array = made.numpy()
    return found
