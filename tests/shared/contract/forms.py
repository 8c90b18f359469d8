"""Faster kernels that stand for several ops, where a framework has such."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from narrowcast.runtime.common.errors import PlanError
from narrowcast.runtime.common.timing import Clock

from .promise import promise
from .refusals import refused
from .subject import Subject

FORMABLE = ["form"]


def uneven(first: float, second: float) -> Clock:
    """A clock by which calls take turns to be slow."""
    steps = itertools.cycle((0.0, first, 0.0, second))
    return itertools.accumulate(steps).__next__


def formed(s: Subject, name: str) -> Any:
    traced: Any = s.traced(name)
    op, kernel = s.side.form or ("", "")
    return traced.with_forms({op: kernel})


@promise("forms", "with_forms", traits=FORMABLE)
def forms_are_those_that_were_asked_for(s: Subject, name: str) -> None:
    plain: Any = s.traced(name)
    assert plain.forms == {}
    assert formed(s, name).forms == dict([s.side.form or ("", "")])
    assert plain.forms == {}


@promise("forms_in_use", traits=FORMABLE)
def a_form_is_used_where_all_its_ops_are_low(s: Subject, name: str) -> None:
    one = formed(s, name)
    assert one.forms_in_use(s.placement(name)) == one.forms != {}
    assert one.forms_in_use(s.placement(name, "fp32")) == {}
    op, _kernel = s.side.form or ("", "")
    mixed = {**s.placement(name), op: s.placement(name, "fp32")[op]}
    assert one.forms_in_use(mixed) == {}


@promise("with_forms", traits=FORMABLE)
def a_form_is_in_the_model_that_is_saved(s: Subject, name: str) -> None:
    one, placement = formed(s, name), s.placement(name)
    model = one.apply(placement)
    path = one.save(model, s.empty() / s.zoo.FILE)
    assert path.read_bytes() != s.saved(name).read_bytes()
    found = s.adapter.load_saved(path)(s.batch(name))
    for value, other in zip(found, s.converted(name), strict=True):
        np.testing.assert_allclose(value, other, atol=0.02)


@promise("with_forms", traits=FORMABLE)
def a_form_that_there_is_not_is_refused(s: Subject, name: str) -> None:
    traced: Any = s.traced(name)
    op, _kernel = s.side.form or ("", "")
    refused(PlanError, lambda: traced.with_forms({op: "no such kernel"}))


@promise("with_fastest_forms", traits=FORMABLE)
def the_clock_decides_which_forms_are_faster(s: Subject, name: str) -> None:
    traced: Any = s.traced(name)
    found = [
        traced.with_fastest_forms(s.low, uneven(*each), 0.001).forms
        for each in ((1.0, 2.0), (2.0, 1.0))
    ]
    assert {} in found and any(found)
    assert any((s.side.form or ("", ""))[0] in each for each in found)
