"""Pins: what the spec holds in fp32, what the probes do, and how each is explained."""

from __future__ import annotations

import math

import pytest

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.frameworks.comparing import with_kernels
from narrowcast.runtime.frameworks.protocol import Probe
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Pins, Reason, Why, int8_pins, user_pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search.limits.capability import capability_pins
from narrowcast.runtime.search.limits.reasons import reasons

FP32, BF16 = Precision.FP32, Precision.BF16

CONV = Op(
    "body.0:conv2d:0",
    "conv2d",
    Kind.COMPUTE,
    (Slot("x"),),
    ("c",),
    scope="body.0",
    absorbed=("body.1:batch_norm:0",),
    absorbed_types=("batch_norm",),
    absorbed_scopes=("body.1",),
)
NORM = Op(
    "body.2:layer_norm:0", "layer_norm", Kind.POINTWISE, (Slot("c"),), ("n",), "body.2"
)
LINEAR = Op("head:linear:0", "linear", Kind.COMPUTE, (Slot("n"),), ("l",), "head")
ARGMAX = Op(":argmax:0", "argmax", Kind.FIXED, (Slot("l", False),), ("a",))
TENSORS = {
    **{name: Tensor(name, "float32", (2,)) for name in "xcnl"},
    "a": Tensor("a", "int64", (2,)),
}
GRAPH = Graph((CONV, NORM, LINEAR, ARGMAX), TENSORS, ("x",), ("a",))


@pytest.mark.parametrize(
    ("type_", "op"),
    [
        ("conv2d", CONV),
        ("Conv2d", CONV),
        ("CONV_2D", CONV),
        ("layer_norm", NORM),
        ("LayerNorm", NORM),
        ("BatchNorm", CONV),
        ("batch_norm", CONV),
    ],
)
def test_a_type_is_matched_without_case_and_underscores(type_: str, op: Op) -> None:
    found = user_pins(GRAPH, Pins(types={type_: "op_type_dict.x"}))
    assert found == {op.id: Reason(Why.USER, "op_type_dict.x")}


@pytest.mark.parametrize(
    ("pattern", "ops"),
    [
        ("head:linear:0", [LINEAR]),
        ("head", [LINEAR]),
        (r"body\..*", [CONV, NORM]),
        (r"body\.1", [CONV]),
        (r"body\.1:batch_norm:0", [CONV]),
        (r".*:argmax:\d", [ARGMAX]),
        ("head|body.2", [NORM, LINEAR]),
    ],
)
def test_a_pattern_matches_ids_and_modules_of_absorbed_ops_too(
    pattern: str, ops: list[Op]
) -> None:
    found = user_pins(GRAPH, Pins(names={pattern: "op_name_dict.x"}))
    assert list(found) == [op.id for op in ops]


@pytest.mark.parametrize("pattern", ["bod", "ead", "head:linear", "body.", ""])
def test_a_pattern_must_match_the_whole_name(pattern: str) -> None:
    with pytest.raises(UsageError, match="matches no op of the model"):
        user_pins(GRAPH, Pins(names={pattern: "op_name_dict.x"}))


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        (Pins(types={"linaer": "spec.key"}), "Did you mean linear"),
        (Pins(types={"conv3d": "spec.key"}), "conv2d"),
        (Pins(names={"body.2:layernorm:0": "spec.key"}), "body.2:layer_norm:0"),
        (Pins(types={"Zzz": "spec.key"}), "The graph has, for example: argmax"),
    ],
)
def test_a_pin_without_an_op_names_the_key_and_near_misses(
    pins: Pins, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        user_pins(GRAPH, pins)
    assert caught.value.message.startswith("spec.key: ")
    assert said in caught.value.remedy


def test_a_pattern_that_is_no_regular_expression_is_refused_with_its_key() -> None:
    with pytest.raises(
        UsageError, match=r"spec\.key: '\(head' is no regular"
    ) as caught:
        user_pins(GRAPH, Pins(names={"(head": "spec.key"}))
    assert "backslash" in caught.value.remedy


def test_no_pins_pin_nothing() -> None:
    assert user_pins(GRAPH, Pins()) == {}


# Capability

PROBES = {
    CONV.id: Probe(BF16, 0.01),
    NORM.id: Probe(None, 0.0, "not implemented for 'BFloat16'"),
    LINEAR.id: Probe(FP32, math.inf),
}


@pytest.mark.parametrize(
    ("pins", "held"),
    [
        (Pins(everything="all"), {CONV: "all", NORM: "all", LINEAR: "all"}),
        (
            Pins(everything="all", freed_types=("Conv2d", "absent")),
            {NORM: "all", LINEAR: "all"},
        ),
        (
            Pins(everything="all", freed_names=("body.*", "absent")),
            {LINEAR: "all"},
        ),
        (
            Pins(everything="all", types={"conv2d": "t"}, freed_names=("body\\.0",)),
            {NORM: "all", LINEAR: "all"},
        ),
        (
            Pins(types={"linear": "t"}, freed_names=("head",), names={"body.2": "n"}),
            {NORM: "n"},
        ),
        (
            Pins(types={"linear": "t"}, freed_names=("head",), names={"he.*": "n"}),
            {LINEAR: "n"},
        ),
    ],
    ids=["all", "type", "name", "name over type", "name alone", "a pin among names"],
)
def test_a_narrower_demand_overrules_a_wider_one(
    pins: Pins, held: dict[Op, str]
) -> None:
    found = user_pins(GRAPH, pins)
    found.pop(ARGMAX.id, None)
    assert found == {op.id: Reason(Why.USER, where) for op, where in held.items()}


def test_what_int8_alone_is_forbidden_to_is_narrowed_as_well() -> None:
    pins = Pins(
        types={"linear": "t"},
        int8_everything="all",
        int8_types={"conv2d": "c"},
        int8_freed_types=("linear",),
        int8_freed_names=("body\\.2",),
    )
    found = int8_pins(GRAPH, pins, BF16)
    found.pop(ARGMAX.id, None)
    assert found == {CONV.id: Reason(Why.USER, "c", floor=BF16)}


def test_kernels_are_those_that_ran() -> None:
    graph = with_kernels(GRAPH, BF16, PROBES)
    wide, low = Kernel(FP32, FP32), Kernel(BF16, BF16)
    assert [op.kernels for op in graph.ops] == [
        (wide, low),
        (wide,),
        (wide, Kernel(BF16, FP32)),
        (wide,),
    ]


def test_what_a_probe_found_pins_an_op_and_says_why() -> None:
    found = capability_pins(GRAPH, BF16, PROBES)
    assert {name: reason.why for name, reason in found.items()} == {
        NORM.id: Why.NO_KERNEL,
        ARGMAX.id: Why.FIXED,
    }
    assert found[NORM.id].text == "no bf16 kernel: not implemented for 'BFloat16'"


@pytest.mark.parametrize("error", [math.inf, math.nan])
def test_what_a_kernel_returns_is_for_the_range_pass_to_judge(error: float) -> None:
    probes = {**PROBES, CONV.id: Probe(BF16, error)}
    assert CONV.id not in capability_pins(GRAPH, BF16, probes)


def test_an_op_that_was_not_probed_is_fixed() -> None:
    assert capability_pins(GRAPH, BF16, {})[CONV.id].why is Why.FIXED


# Reasons


def test_every_fp32_op_has_a_reason_and_no_low_op_has_one() -> None:
    placement = {CONV.id: BF16, NORM.id: FP32, LINEAR.id: FP32, ARGMAX.id: FP32}
    pins = {NORM.id: Reason(Why.USER, "spec"), CONV.id: Reason(Why.USER, "spec")}
    found = reasons(GRAPH, placement, pins, BF16, low_compute)
    assert list(found) == [NORM.id, LINEAR.id, ARGMAX.id]
    assert found[NORM.id] == pins[NORM.id]
    assert found[LINEAR.id].why is Why.CAST


def test_ops_tied_to_a_pinned_one_have_its_reason() -> None:
    groups = (frozenset({CONV.id, NORM.id}), frozenset({NORM.id, LINEAR.id}))
    graph = Graph(GRAPH.ops, TENSORS, ("x",), ("a",), groups)
    pin = Reason(Why.NO_KERNEL, "no bf16 kernel", 3.0)
    found = reasons(
        graph,
        {op.id: FP32 for op in graph.ops},
        {CONV.id: pin},
        BF16,
        low_compute,
    )
    said = f"has the precision of {CONV.id}: no bf16 kernel"
    assert found[CONV.id] == pin
    assert found[NORM.id] == found[LINEAR.id] == Reason(Why.NO_KERNEL, said, 3.0)
    assert found[ARGMAX.id].why is Why.CAST
