"""Speed as `evaluation.performance` asks for it: clocks are the test's own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.strict_json import complaint
from narrowcast.runtime.common.timing import FEWEST, SECONDS, most_rounds
from narrowcast.runtime.evaluation.performance.asked import (
    Performance,
    available,
    bound,
    shares,
)
from narrowcast.runtime.evaluation.performance.instance import (
    Models,
    cut,
    most_memory,
    rounds,
)
from narrowcast.runtime.evaluation.performance.measuring import performed
from narrowcast.runtime.evaluation.performance.performed import (
    PERFORMED,
    Performed,
    performed_data,
    performed_of,
    speed,
)
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.report.speed import performed_lines
from tests.shared.toy import Toy

# Cores


@given(
    st.integers(1, 9),
    st.none() | st.integers(1, 9),
    st.lists(st.integers(), unique=True),
)
def test_each_instance_has_cores_of_its_own(
    instances: int, cores: int | None, there: list[int]
) -> None:
    found = shares(Performance(instances=instances, cores=cores), there)
    assert 1 <= len(found) <= instances
    used = [core for each in found for core in each]
    assert len(set(used)) == len(used) <= len(there)
    assert len({len(each) for each in found}) == 1
    if cores is not None and there:
        assert len(found[0]) == min(cores, len(there))
        assert len(found) == min(instances, len(there) // len(found[0]))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Performance(), {}),
        (Performance(cores=4), {"OMP_NUM_THREADS": "4"}),
        (Performance(cores=4, intra_threads=2), {"OMP_NUM_THREADS": "2"}),
        (Performance(inter_threads=3), {"TF_NUM_INTEROP_THREADS": "3"}),
    ],
)
def test_threads_are_told_to_the_frameworks(
    asked: Performance, found: dict[str, str]
) -> None:
    assert found.items() <= asked.threads.items()
    assert bool(found) == bool(asked.threads)


def test_what_is_started_is_bound_and_this_process_is_not() -> None:
    before, cores = available(), available()[:1]
    threads = {"OMP_NUM_THREADS": "1", "NARROWCAST_NOBODY": "1"}
    environment = dict(os.environ)
    with bound(cores, threads):
        assert available() == cores
        assert os.environ["NARROWCAST_NOBODY"] == "1"
    assert available() == before
    assert dict(os.environ) == environment


# Rounds


def test_all_are_called_in_turn_as_often_as_it_is_said() -> None:
    called: list[str] = []
    calls = {name: lambda name=name: called.append(name) for name in "abc"}
    taken = rounds(calls, count().__next__, 4)
    assert called == list("abcabcabcabc")
    assert taken == {name: [1] * 4 for name in "abc"}


@pytest.mark.parametrize(
    ("tick", "rounded"), [(1.0, FEWEST), (1e-6, most_rounds(SECONDS))]
)
def test_without_a_number_two_seconds_decide(tick: float, rounded: int) -> None:
    ticks = count(0)
    taken = rounds({"a": lambda: None}, lambda: next(ticks) * tick, None)
    assert len(taken["a"]) == rounded


# Batches


ROWS = np.arange(12).reshape(6, 2)
VARIES = (Input("x", ("batch", 2)),)


@pytest.mark.parametrize(
    ("size", "declared", "rows"),
    [
        (None, VARIES, 6),
        (1, VARIES, 1),
        (4, (), 4),
        (9, VARIES, 6),
        (2, (Input("x", (6, 2)),), 6),
    ],
)
def test_a_batch_is_cut_where_the_model_takes_it(
    size: int | None, declared: Any, rows: int
) -> None:
    table, scalar = np.zeros((3, 6)), np.float32(2)
    inputs, found = cut((ROWS, table, scalar, ROWS[:, 0]), declared, size)
    assert found == len(inputs[0]) == len(inputs[3]) == rows
    assert inputs[1] is table
    assert inputs[2] is scalar


# Numbers


def test_percentiles_and_throughput_of_all_instances() -> None:
    hundred = [float(k) for k in range(101)]
    found = speed([hundred, hundred], 10, 5, None)
    assert found.latency == (50, 90, 99)
    assert found.noise == (25, 75)
    assert found.throughput == pytest.approx(2 * 10 / 50)
    assert found.throughput_noise == pytest.approx((2 * 10 / 75, 2 * 10 / 25))
    assert (found.runs, found.peak_bytes, found.file_bytes) == (202, 5, None)


FAST = speed([[1e-3] * 9], 4, 3_000_000, 2_000_000)
SLOW = speed([[2e-3] * 9], 4)
MEASURED = Performed(
    {"fp32": SLOW, "prepared": speed([[2e-3] * 9], 4), "result": FAST},
    4,
    2,
    1,
    ("too few cores",),
)


def test_numbers_survive_being_written() -> None:
    data = json.loads(json.dumps(performed_data(MEASURED)))
    assert complaint(PERFORMED, data, "it") == ""
    assert performed_of(data) == MEASURED


def test_what_people_read() -> None:
    assert performed_lines(None) == []
    head, *lines, note = performed_lines(MEASURED)
    assert head.startswith(
        "2 instances of 1 core, batches of 4: ms per batch at 50, 90"
    )
    assert lines == [
        "fp32          2.000  2.000  2.000  2000.0/s  -  -",
        "prepared fp32 2.000  2.000  2.000  2000.0/s  -  -  (1.00x, within noise)",
        "result        1.000  1.000  1.000  4000.0/s  3.00 MB  2.00 MB  (2.00x)",
    ]
    assert note == "too few cores"


# Processes


def load_model() -> float:
    return 2.0


def predictor(model: float, declared: Any = ()) -> Any:
    return lambda inputs: (inputs[0] * model,)


def load_saved(path: Path) -> Any:
    return predictor(float(path.read_text()))


def batches() -> Iterator[Any]:
    yield (ROWS.astype(np.float32),), None


def test_instances_run_at_once_on_cores_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "result").write_text("3.0")
    files = {"result": tmp_path / "result"}
    models = Models(load_model, predictor, load_saved, files, batches, VARIES)
    asked = Performance(warmup=1, iterations=3, batch_size=2, instances=2, cores=1)
    found = performed(models, asked, _clock)
    instances = min(2, len(available()) or 1)
    assert (found.batch, found.instances) == (2, instances)
    assert found.cores == (1 if available() else None)
    assert list(found.models) == ["fp32", "result"]
    assert {each.runs for each in found.models.values()} == {3 * instances}
    assert found.models["fp32"].file_bytes is None
    assert found.models["result"].file_bytes == 3
    if most_memory() is not None:
        assert all((each.peak_bytes or 0) > 1e6 for each in found.models.values())


def _clock() -> float:
    return 0.0


def test_a_run_measures_what_the_spec_asks_for(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    script = toy.folder / "convert_net.py"
    text = script.read_text()
    for old, new in (
        ("measured = timed(converted)", "measured = timed(converted, ASKED)"),
        ("SOURCES = ", f"{IMPORT}\nASKED = Performance(1, 2, 5)\nSOURCES = "),
    ):
        assert old in text
        text = text.replace(old, new)
    script.write_text(text)
    done = toy.run("--max-trials", "1")
    assert done.code == 1
    assert "speed      1 instance" in done.out
    plan = json.loads(toy.plan.with_suffix(".failed.json").read_text())
    assert plan["performance"]["batch"] == 5
    assert {"fp32", "result"} <= set(plan["performance"]["models"])


IMPORT = "from narrowcast.runtime.evaluation.performance.asked import Performance\n"


def test_one_batch_that_waited_is_not_the_throughput() -> None:
    assert speed([[1e-3] * 9 + [1.0]], 4).throughput == pytest.approx(4000)
