"""Where costs come from: --costs, the cache, the clock; and that they fit the graph."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.jsonl import decoded, encoded
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.frameworks.protocol import Timings
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.measured import cache as cost_cache
from narrowcast.runtime.placement.measured.data import costs_data, costs_of
from narrowcast.runtime.placement.measured.file import read_costs
from narrowcast.runtime.placement.measured.measured import MeasuredCosts
from narrowcast.runtime.placement.measured.sources import Wanted, find_costs, find_forms
from narrowcast.runtime.placement.measured.subject import (
    circumstances,
    costed,
    key,
    subject,
)

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))

seconds = st.floats(0, 1e3)
shapes = st.lists(st.integers(0, 2**40), max_size=4).map(tuple)
precisions = st.sampled_from([FP32, BF16])


def a_graph(**change: Any) -> Graph:
    op = replace(
        Op("a", "mm", Kind.COMPUTE, (Slot("x"),), ("a",), flops=9, kernels=BOTH),
        **change,
    )
    tensors = {name: Tensor(name, "float32", (4, 4)) for name in "xa"}
    return Graph((op,), tensors, ("x",), ("a",))


def some_costs(graph: Graph, value: float = 0.1) -> MeasuredCosts:
    timed = Latency(value, value, value, 7)
    timings = Timings(
        {("a", FP32): timed, ("a", BF16): timed}, {((4, 4), FP32, BF16): timed}
    )
    return MeasuredCosts(
        timings, StaticCosts(graph, X86_BF16), {BF16: 1.5}, {BF16: 0.5}
    )


@given(
    st.dictionaries(st.tuples(st.text(max_size=3), precisions), seconds, max_size=5),
    st.dictionaries(st.tuples(shapes, precisions, precisions), seconds, max_size=5),
    st.dictionaries(precisions, seconds),
    st.floats(0, 99),
)
def test_costs_come_back_as_they_were(
    ops: Any, casts: Any, scale: Any, margin: float
) -> None:
    """Every number, and the order, on which the plan's bytes depend."""

    def latencies(times: Any) -> Any:
        return {name: Latency(s, s / 2, s * 2, 7) for name, s in times.items()}

    static = StaticCosts(a_graph(), X86_BF16)
    timings = Timings(latencies(ops), latencies(casts))
    data = costs_data(MeasuredCosts(timings, static, scale, scale, margin))
    again = costs_data(costs_of(decoded(encoded(data)), static))
    assert json.dumps(again) == json.dumps(data)


@dataclass
class Traced:
    """What costs are measured of."""

    graph: Graph = field(default_factory=a_graph)
    switches: dict[str, str] = field(default_factory=dict)


@dataclass
class Looking:
    """Asks for costs, and counts how often they are measured."""

    folder: Path
    traced: Traced = field(default_factory=Traced)
    low: Precision = BF16
    beside: frozenset[Precision] = frozenset()
    forms: dict[str, str] = field(default_factory=dict)
    measured: int = 0

    def measure(self) -> MeasuredCosts:
        self.measured += 1
        return some_costs(self.traced.graph, self.measured)

    def find(self, choice: Any = None, measures: bool = True) -> dict[str, Any]:
        traced: Any = self.traced
        wanted = Wanted(
            {**subject(traced, self.low, self.forms), "static": X86_BF16.name},
            circumstances(traced, None),
            self.folder,
            self.beside,
        )
        static = StaticCosts(traced.graph, X86_BF16)
        return find_costs(choice, wanted, static, self.measure if measures else None)


def test_measured_costs_are_measured_once(tmp_path: Path) -> None:
    first, again = Looking(tmp_path), Looking(tmp_path)
    found = first.find()
    assert found["costs"] == costs_data(some_costs(a_graph(), 1))
    assert found["from"] == ""
    known = again.find()
    assert known["costs"] == found["costs"]
    assert known["from"].startswith("the cache, measured 2")
    assert (first.measured, again.measured) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"traced": Traced(a_graph(flops=10))},
        {"traced": Traced(a_graph(type="conv"))},
        {"traced": Traced(a_graph(kernels=(Kernel(FP32, FP32), Kernel(BF16, FP32))))},
        {"traced": Traced(switches={"tf32": "off"})},
        {"low": Precision.FP16},
        {"forms": {"a": "mm+relu"}},
    ],
)
def test_what_determines_costs_is_in_their_key(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    Looking(tmp_path).find()
    other = Looking(tmp_path, **change)
    other.find()
    assert other.measured == 1


def test_threads_are_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Looking(tmp_path).find()
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    other = Looking(tmp_path)
    other.find()
    assert other.measured == 1


def test_shapes_are_in_the_key_though_not_in_the_fingerprint() -> None:
    graph = a_graph()
    tensors = {**graph.tensors, "x": Tensor("x", "float32", (8, 4))}
    other = replace(graph, tensors=tensors)
    assert other.fingerprint() == graph.fingerprint()
    assert costed(other) != costed(graph)
    assert key({"graph": costed(other)}) != key({"graph": costed(graph)})


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"\xff", b"{}", b'{"format":1,"key":"x"}']
)
def test_a_damaged_cache_is_measured_anew(tmp_path: Path, damage: bytes) -> None:
    Looking(tmp_path).find()
    (path,) = (tmp_path / "costs").iterdir()
    path.write_bytes(damage)
    again = Looking(tmp_path)
    assert again.find()["from"] == ""
    assert again.measured == 1
    assert Looking(tmp_path).find()["from"] != ""


@pytest.mark.parametrize(
    "costs",
    [
        None,
        {},
        {"ops": []},
        {**costs_data(some_costs(a_graph())), "ops": {"b": {"fp32": 1.0}}},
        {**costs_data(some_costs(a_graph())), "ops": {"a": {"fp32": -1.0}}},
        {**costs_data(some_costs(a_graph())), "casts": {"(4,": 1.0}},
    ],
)
def test_cached_costs_that_make_no_sense_are_measured_anew(
    tmp_path: Path, costs: Any
) -> None:
    Looking(tmp_path).find()
    (path,) = (tmp_path / "costs").iterdir()
    path.write_bytes(encoded({**decoded(path.read_bytes()), "costs": costs}))
    again = Looking(tmp_path)
    again.find()
    assert again.measured == 1


def test_a_cache_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    looking = Looking(tmp_path / "file")
    assert looking.find()["costs"] is not None


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    for k in range(cost_cache.MOST + 3):
        cost_cache.store(tmp_path, f"{k:03}", {})
        os.utime(tmp_path / "costs" / f"{k:03}.json", (k, k))
    cost_cache.store(tmp_path, "new", {})
    names = {path.stem for path in (tmp_path / "costs").iterdir()}
    assert len(names) == cost_cache.MOST
    assert "new" in names
    assert "000" not in names


def test_the_cache_is_where_the_platform_keeps_such() -> None:
    assert cost_cache.folder({"NARROWCAST_CACHE": "/n", "HOME": "/h"}) == Path("/n")
    if sys.platform == "linux":
        given_ = {"XDG_CACHE_HOME": "/x", "HOME": "/h"}
        assert cost_cache.folder(given_) == Path("/x/narrowcast")
        assert cost_cache.folder({"HOME": "/h"}) == Path("/h/.cache/narrowcast")
        relative = {"XDG_CACHE_HOME": "x", "HOME": "/h"}
        assert cost_cache.folder(relative) == Path("/h/.cache/narrowcast")
    assert cost_cache.folder({}) is None


def test_tests_never_use_the_users_cache() -> None:
    assert "narrowcast-cache-" in str(cost_cache.folder(os.environ))


# --costs


def test_a_file_that_is_not_there_is_measured_and_written(tmp_path: Path) -> None:
    """The cache is not asked: who names a new file wants new times."""
    cache, path = tmp_path / "cache", tmp_path / "costs.json"
    Looking(cache).find()
    looking = Looking(cache)
    found = looking.find(path)
    assert looking.measured == 1
    assert found["from"] == "the clock, written to costs.json"
    elsewhere = Looking(tmp_path / "other")
    again = elsewhere.find(path, measures=False)
    assert again == {"costs": found["costs"], "from": "costs.json"}
    assert elsewhere.measured == 0


def test_static_costs_are_measured_nowhere(tmp_path: Path) -> None:
    looking = Looking(tmp_path)
    assert looking.find("static") == {"costs": None, "from": "--costs static"}
    assert looking.measured == 0


def test_where_nothing_is_timed_a_file_is_not_written(tmp_path: Path) -> None:
    found = Looking(tmp_path).find(tmp_path / "costs.json", measures=False)
    assert found["costs"] is None
    assert found["from"] == "nothing is timed here; there is no costs.json"
    assert not (tmp_path / "costs.json").exists()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"traced": Traced(a_graph(flops=10))}, "another graph, or another batch size"),
        ({"low": Precision.FP16}, "another precision"),
        ({"forms": {"a": "mm+relu"}}, "other kernels"),
    ],
)
def test_costs_of_something_else_are_refused(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    path = tmp_path / "costs.json"
    Looking(tmp_path).find(path)
    with pytest.raises(
        UsageError, match=rf"--costs costs\.json is of {what}"
    ) as caught:
        Looking(tmp_path, **change).find(path)
    assert caught.value.exit_code == 2
    assert "Measure them anew" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', '{"format": 1}', "null"]
)
def test_a_damaged_file_of_costs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"costs\.json"):
        read_costs(path, {})


def test_a_file_with_a_cost_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    Looking(tmp_path).find(path)
    content = json.loads(path.read_text())
    content["costs"]["ops"]["a"]["fp32"] = str(math.nan)
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="damaged"):
        Looking(tmp_path).find(path)


# A script for both precisions


def both(folder: Path, low: Precision) -> Looking:
    others = frozenset({BF16, Precision.FP16} - {low})
    return Looking(folder, low=low, beside=others)


def test_a_file_holds_each_precision_of_its_script(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    lows = (BF16, Precision.FP16)
    made = [both(tmp_path, low).find(path) for low in lows]
    assert [each["from"] for each in made] == [
        "the clock, written to costs.json",
        "the clock, written to costs.json",
    ]
    for low, each in zip(lows, made, strict=True):
        for again in (both(tmp_path, low), Looking(tmp_path, low=low)):
            found = again.find(path, measures=False)
            assert found == {"costs": each["costs"], "from": "costs.json"}
    whole = path.read_bytes()
    assert both(tmp_path, BF16).find(path)["costs"] == made[0]["costs"]
    assert path.read_bytes() == whole


def test_a_precision_that_is_not_timed_here_is_said_to_have_none(
    tmp_path: Path,
) -> None:
    path = tmp_path / "costs.json"
    both(tmp_path, BF16).find(path)
    before = path.read_bytes()
    found = both(tmp_path, Precision.FP16).find(path, measures=False)
    assert found["costs"] is None
    assert found["from"] == "nothing is timed here; costs.json has none for fp16"
    assert path.read_bytes() == before


def test_each_precision_has_kernels_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    looking = Looking(tmp_path, forms={"a": "mm+relu"})
    looking.find(path)
    traced: Any = Traced()
    wanted = Wanted(
        subject(traced, BF16, {}), circumstances(traced, None), tmp_path, frozenset()
    )
    assert find_forms(path, wanted, None) == {"a": "mm+relu"}
    other = replace(
        wanted,
        of=subject(traced, Precision.FP16, {}),
        beside=frozenset({BF16}),
    )
    assert find_forms(path, other, lambda: {"a": "mm"}) == {"a": "mm"}
    assert find_forms(path, other, None) == {}
    with pytest.raises(UsageError, match="another precision"):
        find_forms(path, replace(other, beside=frozenset()), None)


# What was altered, or may have been


def test_a_file_that_was_altered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    for low in (BF16, Precision.FP16):
        both(tmp_path, low).find(path)
    for alter in (
        lambda content: content["costs"]["ops"]["a"].update(fp32=1e-9),
        lambda content: content["also"][0]["costs"]["ops"]["a"].update(fp32=1e-9),
        lambda content: content["measured_on"].update(cpu="mine"),
        lambda content: content.pop("also"),
    ):
        content = json.loads(path.read_text())
        alter(content)
        altered = tmp_path / "altered.json"
        altered.write_text(json.dumps(content))
        with pytest.raises(UsageError, match="damaged: it was altered") as caught:
            both(tmp_path, BF16).find(altered)
        assert "Measure them anew" in caught.value.remedy
    path.write_text(json.dumps(json.loads(path.read_text())))  # other white space
    assert both(tmp_path, BF16).find(path)["from"] == "costs.json"


@pytest.mark.parametrize("what", ["sha256", "of", "measured_on", "costs"])
def test_a_file_that_lacks_something_says_what(tmp_path: Path, what: str) -> None:
    path = tmp_path / "costs.json"
    Looking(tmp_path).find(path)
    content = json.loads(path.read_text())
    del content[what]
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=f"is damaged: it has no {what}"):
        Looking(tmp_path).find(path)


def test_a_cache_entry_that_was_altered_is_measured_anew_and_said(
    tmp_path: Path,
) -> None:
    Looking(tmp_path).find()
    (path,) = (tmp_path / "costs").iterdir()
    content = decoded(path.read_bytes())
    content["costs"]["ops"]["a"]["fp32"] = 1e-9
    path.write_bytes(encoded(content))
    again = Looking(tmp_path)
    found = again.find()
    assert again.measured == 1
    assert found["from"] == "the clock: what the cache has was altered"
    assert Looking(tmp_path).find()["from"].startswith("the cache, measured")


@pytest.mark.parametrize("part", ["", "costs", "file"])
@pytest.mark.parametrize("how", ["others may write", "another user's"])
def test_a_cache_that_others_write_is_not_used(
    tmp_path: Path, part: str, how: str
) -> None:
    if how == "another user's" and os.getuid() != 0:
        pytest.skip("only root can give files away")
    place = tmp_path / "cache"
    Looking(place).find()
    (entry,) = (place / "costs").iterdir()
    path = entry if part == "file" else place / part
    if how == "others may write":
        path.chmod(path.stat().st_mode | 0o002)
    else:
        os.chown(path, 12345, -1)
    again = Looking(place)
    found = again.find()
    assert again.measured == 1
    assert str(path) in found["from"]
    assert "another user's, or others may write to it" in found["from"]
