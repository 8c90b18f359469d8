"""The lock file: what is written comes back, and what is damaged is said to be."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import PlanError
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.record.plan import (
    document,
    read_document,
    recorded_files,
    replay,
    write_plan,
)
from narrowcast.runtime.search.found import Plan
from narrowcast.runtime.search.sensitivity.estimate import Estimate, Method

FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))


def chain(*names: str, kernels: tuple[Kernel, ...] = BOTH) -> Graph:
    values = ("x", *names)
    ops = tuple(
        Op(
            name,
            "linear",
            Kind.COMPUTE,
            (Slot(before),),
            (name,),
            flops=10,
            kernels=kernels,
        )
        for before, name in zip(values, names, strict=False)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in values}
    return Graph(ops, tensors, ("x",), (names[-1],))


GRAPH = chain("stem", "sine", "größe", "head")
PLAN = Plan(
    low=BF16,
    placement={"head": FP32, "sine": FP32, "stem": BF16, "größe": BF16},
    reasons={
        "sine": Reason(Why.ACCURACY, "alone, it is not finite", math.inf),
        "head": Reason(Why.USER, "mixed_precision.op_name_dict.head"),
    },
    objective="low_compute",
    trials=7,
    ranking=(
        Estimate("sine", math.inf, 1.0, Method.SPLITTING),
        Estimate("stem", 1e-3, 0.0, Method.SKETCH),
    ),
)
PROVENANCE = {
    "framework": "torch 2.13.0",
    "files": {"model": {"m.pt": "ab"}, "python": {"net": "cd"}},
    "judgement": {"result": math.nan},
}
DOCUMENT = document(PLAN, GRAPH, PROVENANCE)


def written(folder: Path, content: Mapping[str, Any] = DOCUMENT) -> Path:
    return write_plan(folder / "net.plan.json", content)


def reading(path: Path, graph: Graph = GRAPH, low: Precision = BF16) -> Plan:
    return replay(read_document(path), graph, low, path.name)


# There and back


def test_what_was_written_is_replayed(tmp_path: Path) -> None:
    assert reading(written(tmp_path)) == PLAN


@given(data=st.data())
def test_any_plan_of_any_graph_comes_back(cases: Any, data: Any) -> None:
    graph = data.draw(cases.whole()).graph
    placement = {
        op.id: data.draw(st.sampled_from([k.input for k in op.kernels]))
        for op in graph.ops
    }
    reason = st.builds(
        Reason,
        st.sampled_from(list(Why)),
        st.text(),
        st.none() | st.floats(allow_nan=False),
    )
    plan = Plan(
        BF16,
        placement,
        {name: data.draw(reason) for name, p in placement.items() if p is FP32},
        data.draw(st.text()),
        data.draw(st.integers(0, 10**6)),
    )
    text = json.dumps(document(plan, graph, {}), allow_nan=True)
    assert replay(json.loads(text), graph, BF16, "p") == plan


def test_a_number_that_is_none_comes_back_as_one(tmp_path: Path) -> None:
    reasons = {
        "sine": Reason(Why.RANGE, "", math.nan),
        "head": Reason(Why.RANGE, "", -math.inf),
    }
    path = written(tmp_path, document(replace(PLAN, reasons=reasons), GRAPH, {}))
    found = reading(path).reasons
    assert math.isnan(found["sine"].number or 0)
    assert found["head"].number == -math.inf


def test_the_file_is_strict_json(tmp_path: Path) -> None:
    def refused(token: str) -> None:
        raise AssertionError(token)

    content = json.loads(written(tmp_path).read_text(), parse_constant=refused)
    assert content["fp32"]["sine"]["number"] == "inf"
    assert content["judgement"]["result"] == "nan"


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    again = replace(PLAN, placement=dict(reversed(list(PLAN.placement.items()))))
    first = written(tmp_path).read_bytes()
    assert written(tmp_path, document(again, GRAPH, PROVENANCE)).read_bytes() == first
    assert first.endswith(b"}\n")
    assert "größe".encode() in first


def test_ops_are_in_graph_order() -> None:
    assert list(DOCUMENT["ops"]) == [op.id for op in GRAPH.ops]


def test_people_read_what_is_low_and_where_it_is_cast() -> None:
    assert DOCUMENT["graph"]["flops"] == 40
    assert DOCUMENT["graph"]["flops_low"] == 20
    assert DOCUMENT["casts"] == [
        "x: fp32 -> bf16",
        "stem: bf16 -> fp32",
        "sine: fp32 -> bf16",
        "größe: bf16 -> fp32",
    ]


def test_the_files_it_was_made_with_are_in_it() -> None:
    assert recorded_files(DOCUMENT, "p") == PROVENANCE["files"]


# What does not fit


def test_a_plan_for_another_precision(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="is for bf16, the script asks for fp16"):
        reading(written(tmp_path), low=FP16)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (
            chain("stem", "sine", "head"),
            r"another graph: 1 op is gone \(first: größe\)",
        ),
        (
            chain("stem", "sine", "größe", "head", "new", "newer"),
            r"another graph: 2 ops are new \(first: new\)",
        ),
        (
            chain("stem", "cosine", "größe", "head"),
            r"1 op is gone \(first: sine\), 1 op is new \(first: cosine\)",
        ),
        (chain("sine", "stem", "größe", "head"), "another graph: its edges differ"),
    ],
)
def test_a_plan_for_another_graph_says_what_differs(
    tmp_path: Path, graph: Graph, said: str
) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        reading(written(tmp_path), graph)
    assert "--search" in caught.value.remedy


def test_a_low_op_whose_kernel_is_missing_here(tmp_path: Path) -> None:
    bare = chain("stem", "sine", "größe", "head", kernels=BOTH[:1])
    with pytest.raises(PlanError, match="has stem in bf16, which has no such kernel"):
        reading(written(tmp_path), bare)


def test_a_third_precision_is_damage(tmp_path: Path) -> None:
    content = {**DOCUMENT, "ops": {**DOCUMENT["ops"], "stem": "fp16"}}
    with pytest.raises(PlanError, match="is damaged: stem is fp16"):
        reading(written(tmp_path, content))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("graph", None),
        ("graph", {}),
        ("graph", ["fingerprint"]),
        ("ops", None),
        ("ops", []),
        ("ops", {"stem": "int4"}),
        ("ops", {"stem": []}),
        ("fp32", {"sine": None}),
        ("fp32", {"sine": {"why": "boredom", "text": ""}}),
        ("fp32", {"sine": {"text": ""}}),
        ("fp32", {"sine": {"why": "user", "text": "", "number": "many"}}),
        ("fp32", {"sine": {"why": "user", "text": "", "number": 10**400}}),
        ("precision", "int8"),
        ("precision", None),
        ("trials", "few"),
        ("trials", None),
        ("trials", math.inf),
    ],
)
def test_a_damaged_value_is_said_to_be(key: str, value: Any) -> None:
    with pytest.raises(PlanError, match="net is damaged") as caught:
        replay({**DOCUMENT, key: value}, GRAPH, BF16, "net")
    assert "--search" in caught.value.remedy


@pytest.mark.parametrize("key", ["graph", "ops", "fp32", "precision", "trials"])
def test_a_missing_key_is_damage(key: str) -> None:
    content = {name: value for name, value in DOCUMENT.items() if name != key}
    with pytest.raises(PlanError, match=f"is damaged: KeyError\\('{key}'\\)"):
        replay(content, GRAPH, BF16, "net")


@pytest.mark.parametrize("files", [None, [], 3, {"model": 3}, {"model": ["m"]}])
def test_damaged_hashes_are_damage(files: Any) -> None:
    if files == []:
        files = ["model"]
    with pytest.raises(PlanError, match="is damaged"):
        recorded_files({**DOCUMENT, "files": files}, "net")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b'"plan"',
        b"{}",
        b'{"format": 2}',
        b'{"format": "1"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"PK\x03\x04",
    ],
)
def test_a_file_that_is_no_plan(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.plan.json"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"net\.plan\.json") as caught:
        reading(path)
    assert caught.value.remedy


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(PlanError, match="can't be read"):
            read_document(path)


def test_a_file_that_ends_early(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes().rstrip()
    for end in range(0, len(whole), 23):
        path.write_bytes(whole[:end])
        with pytest.raises(PlanError, match="can't be read"):
            reading(path)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["why", "text", "stem"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def mutated(data: Any, value: Any) -> Any:
    """The value with one part, at any depth, replaced, dropped or doubled."""
    if not isinstance(value, dict) or not value or data.draw(st.booleans()):
        return data.draw(JUNK)
    key = data.draw(st.sampled_from(sorted(value)))
    change = data.draw(st.sampled_from(["inside", "inside", "drop", "rename"]))
    rest = {name: each for name, each in value.items() if name != key}
    if change == "drop":
        return rest
    if change == "rename":
        return {**rest, data.draw(st.text(max_size=3)): value[key]}
    return {**value, key: mutated(data, value[key])}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mutated_plan_raises_nothing_but_plan_errors(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "net.plan.json"
    path.write_text(json.dumps(mutated(data, DOCUMENT)))
    try:
        content = read_document(path)
        plan = replay(content, GRAPH, BF16, "net")
        recorded_files(content, "net")
    except PlanError:
        return
    assert set(plan.placement) == set(GRAPH.by_id)
    assert all(GRAPH.by_id[name].kernel(p) for name, p in plan.placement.items())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_flipped_bytes_raise_nothing_but_plan_errors(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    path = written(tmp_path_factory.getbasetemp())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(content)
    try:
        plan = reading(path)
    except PlanError:
        return
    assert set(plan.placement) == set(GRAPH.by_id)
