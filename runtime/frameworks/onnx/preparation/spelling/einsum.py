"""The Einsum of two operands as the MatMul that it is: ONNX has no bf16 Einsum."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import prod

import numpy as np
import onnx_ir as ir

from ...ir.rewriting.editing import Editor
from ..absorbed import Names


@dataclass(frozen=True)
class Form:
    """The letters of a contraction, each group in its order.

    Attributes:
        terms: Of the two operands and the result, as the equation has them.
        batch: In all three.
        left, right: In one operand and the result.
        summed: In both operands alone.
    """

    terms: tuple[str, str, str]
    batch: str
    left: str
    right: str
    summed: str


def write_einsums(model: ir.Model, editor: Editor, ledger: Names) -> None:
    """Write them out, in bodies too; those of other forms stay."""
    before = set(editor.added)
    for graph in model.graphs():
        for node in list(graph):
            if node.op_type == "Einsum" and not node.domain:
                _write(node, editor)
    for new in editor.added.keys() - before:
        ledger.absorb(new, editor.added[new])


def form_of(equation: str) -> Form | None:
    """What an equation says, None unless it is products summed over some letters."""
    text = "".join(equation.split())
    found = re.fullmatch(r"([a-zA-Z]+),([a-zA-Z]+)(?:->([a-zA-Z]*))?", text)
    if found is None:
        return None
    one, other, result = found.groups()
    if result is None:
        both = one + other
        result = "".join(sorted(c for c in set(both) if both.count(c) == 1))
    if any(len(set(term)) < len(term) for term in (one, other, result)):
        return None
    if not set(one) ^ set(other) <= set(result) <= set(one) | set(other):
        return None
    return Form(
        (one, other, result),
        batch="".join(c for c in result if c in one and c in other),
        left="".join(c for c in result if c not in other),
        right="".join(c for c in result if c not in one),
        summed="".join(c for c in one if c in other and c not in result),
    )


def _write(node: ir.Node, editor: Editor) -> None:
    form = form_of(node.attributes["equation"].as_string())
    if form is None or not form.summed or len(node.inputs) != 2:
        return
    one, other = node.inputs
    assert one is not None
    assert other is not None
    single = all(len(each) == 1 for each in (form.left, form.right, form.summed))
    sizes = _sizes(form, other)
    if single or not form.batch:
        if max(len(form.right), len(form.summed)) > 1 and sizes is None:
            return
        _Writer(node, editor, form).write(one, other, sizes or {})


def _sizes(form: Form, other: ir.Value) -> dict[str, int] | None:
    """Letter → size of the second operand, None if one is not known."""
    if other.shape is None:
        return None
    pairs = dict(zip(form.terms[1], other.shape, strict=True))
    known = {letter: n for letter, n in pairs.items() if isinstance(n, int)}
    return known if len(known) == len(pairs) else None


@dataclass(frozen=True)
class _Step:
    """One op; in a chain, `inputs` are those beside what the step before makes."""

    op_type: str
    inputs: tuple[ir.Value, ...]
    given: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Writer:
    """Writes one node out; the node itself becomes the last step."""

    node: ir.Node
    editor: Editor
    form: Form

    def write(self, one: ir.Value, other: ir.Value, sizes: dict[str, int]) -> None:
        form = self.form
        a = self._ordered(one, form.terms[0], form.batch + form.left + form.summed)
        b = self._ordered(other, form.terms[1], form.batch + form.summed + form.right)
        rows, columns = (
            [sizes.get(c, 0) for c in g] for g in (form.summed, form.right)
        )
        merged = len(rows) > 1 or len(columns) > 1
        if merged:
            kept = [0] * len(form.left)
            a = self._reshaped(a, [*kept, prod(rows)])
            b = self._reshaped(b, [prod(rows), prod(columns)])
        steps = [_Step("MatMul", (a, b))]
        if merged:
            shape = self._constant([*([0] * len(form.left)), *columns])
            steps.append(_Step("Reshape", (shape,)))
        made = form.batch + form.left + form.right
        if made != form.terms[2]:
            perm = [made.index(letter) for letter in form.terms[2]]
            steps.append(_Step("Transpose", (), {"perm": perm}))
        self._follow(steps)

    def _ordered(self, value: ir.Value, term: str, wanted: str) -> ir.Value:
        if term == wanted:
            return value
        perm = [term.index(letter) for letter in wanted]
        return self._inserted(_Step("Transpose", (value,), {"perm": perm}))

    def _reshaped(self, value: ir.Value, sizes: Sequence[int]) -> ir.Value:
        return self._inserted(_Step("Reshape", (value, self._constant(sizes))))

    def _constant(self, sizes: Sequence[int]) -> ir.Value:
        graph = self.node.graph
        assert graph is not None
        near = f"{self.node.outputs[0].name}_sizes"
        return self.editor.constant(graph, np.array(sizes, np.int64), near)

    def _inserted(self, step: _Step) -> ir.Value:
        made = self.editor.inserted(self.node, step.op_type, step.inputs, step.given)
        made.type = self.node.outputs[0].type
        return made

    def _follow(self, steps: Sequence[_Step]) -> None:
        """Each step on what the one before makes; the node itself is the last."""
        inputs = steps[0].inputs
        for step, later in pairwise(steps):
            made = self._inserted(replace(step, inputs=inputs))
            inputs = (made, *later.inputs)
        node, last = self.node, steps[-1]
        node.op_type = last.op_type
        node.attributes.clear()
        for name, value in last.given.items():
            node.attributes[name] = ir.AttrInt64s(name, value)
        node.resize_inputs(len(inputs))
        for k, each in enumerate(inputs):
            node.replace_input_with(k, each)
