"""Timing by an injected clock, verdicts, and what is said while a run works."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.telling.progress import (
    Account,
    Terminal,
    accounting,
    step,
)
from narrowcast.runtime.common.timing import (
    CAP,
    CAPPED_FEWEST,
    FEWEST,
    MOST,
    SECONDS,
    SLOW_FEWEST,
    SLOW_WARM_UP,
    WARM_UP,
    Latency,
    interleaved,
    most_rounds,
    speedup,
    verdict,
)


class Machine:
    """Calls that take given seconds of a clock which only they move."""

    def __init__(self, **seconds: list[float]) -> None:
        self.now, self.order = 0.0, ""
        self.calls = {
            name: self._call(name, itertools.cycle(each))
            for name, each in seconds.items()
        }

    def _call(self, name: str, seconds: itertools.cycle[float]):  # type: ignore[no-untyped-def]
        def call() -> None:
            self.order += name
            self.now += next(seconds)

        return call

    def timed(self) -> dict[str, Latency]:
        return interleaved(self.calls, lambda: self.now)


def test_calls_take_turns() -> None:
    machine = Machine(a=[0.05], b=[0.15], c=[0.1])
    machine.timed()
    assert machine.order == "abc" * (WARM_UP + FEWEST)


@pytest.mark.parametrize(
    ("seconds", "runs"),
    [
        (10.0, CAPPED_FEWEST),
        (2.5, SLOW_FEWEST),
        (0.4, FEWEST),
        (0.1, 20),
        (1e-6, most_rounds(SECONDS)),
        (0.0, 500),
    ],
)
def test_rounds_are_as_many_as_fit(seconds: float, runs: int) -> None:
    assert Machine(a=[seconds]).timed()["a"].runs == pytest.approx(runs, abs=1)


def test_warming_up_is_not_counted() -> None:
    slow_at_first = [9.0] * (WARM_UP - 1) + [0.4] * MOST
    assert Machine(a=slow_at_first).timed()["a"].high == pytest.approx(0.4)


def test_models_that_take_seconds_are_run_less_often() -> None:
    machine = Machine(a=[2.0])
    assert machine.timed()["a"].runs == SLOW_FEWEST
    assert len(machine.order) == SLOW_WARM_UP + SLOW_FEWEST


@pytest.mark.parametrize("seconds", [0.5, 0.6, 1.0, 2.0, 2.8, 3.5, 4.0])
def test_a_round_of_up_to_four_seconds_is_timed_within_the_cap(seconds: float) -> None:
    machine = Machine(a=[seconds / 2], b=[seconds / 2])
    found = machine.timed()
    assert machine.now <= CAP and found["a"].runs >= CAPPED_FEWEST


def test_a_step_inside_another_counts_for_itself() -> None:
    """An account says what dominated, the longest first; without one, steps are free."""
    now = 0.0
    account = Account(lambda: now)

    @step("tracing")
    def traced() -> None:
        nonlocal now
        now += 1.0
        with step("probing"):
            now += 4.0
        now += 2.0

    traced()
    assert not account.seconds
    with accounting(account):
        traced()
        with pytest.raises(ValueError), step("saving"):
            now += 0.01
            raise ValueError
        traced()
    assert account.seconds == pytest.approx(
        {"probing": 8.0, "tracing": 6.0, "saving": 0.01}
    )
    assert account.told == "probing 8.0 s, tracing 6.0 s"


def test_an_outlier_moves_no_median() -> None:
    found = Machine(a=[1.0] * 5 + [100.0]).timed()["a"]
    assert found.median == 1


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_quartiles_are_around_the_median(seconds: list[float]) -> None:
    found = Machine(a=seconds).timed()["a"]
    assert min(seconds) - 1e-9 <= found.low <= found.median <= found.high
    assert found.high <= max(seconds) + 1e-9


@pytest.mark.parametrize(
    ("fp32", "result", "said"),
    [
        ((9, 10, 11), (4, 5, 6), "faster"),
        ((4, 5, 6), (9, 10, 11), "slower"),
        ((4, 5, 6), (5, 6, 7), "within noise"),
        ((4, 5, 6), (6, 7, 8), "within noise"),
        ((6, 7, 8), (4, 5, 6), "within noise"),
        ((5, 5, 5), (5, 5, 5), "within noise"),
        ((1000, 1000, 1000), (1009, 1009, 1009), "within noise"),
        ((1000, 1000, 1000), (1011, 1011, 1011), "slower"),
        ((1, 5, 9), (4, 5, 6), "too noisy to tell"),
        ((4, 5, 6), (1, 5, 9), "too noisy to tell"),
        ((13, 96, 100), (1.2, 1.26, 1.3), "too noisy to tell"),
        ((10, 14.9, 15), (9, 9.4, 10), "too noisy to tell"),
        ((10, 14, 15), (9, 9.4, 10), "within noise"),
        ((0, 0, 0), (0, 0, 0), "within noise"),
    ],
)
def test_the_verdict_minds_the_noise(
    fp32: tuple[float, ...], result: tuple[float, ...], said: str
) -> None:
    before, after = (
        Latency(median, low, high, 9) for low, median, high in (fp32, result)
    )
    assert verdict(before, after) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.6, "too noisy to tell"), (0.75, "slower"), (1.0, "slower")]
)
def test_slower_is_said_only_where_the_rounds_agree(share: float, said: str) -> None:
    one, other = Latency(5, 5, 5, 9), Latency(6, 6, 6, 9, {"one": share})
    assert verdict(one, other, "one", "other") == said
    said = said.replace("slower", "faster")
    assert verdict(other, one, "other", "one") == said


def test_rounds_tell_how_often_one_took_longer() -> None:
    found = Machine(a=[0.2], b=[0.1, 0.1, 0.1, 0.3]).timed()
    assert found["a"].longer["b"] == pytest.approx(0.75, abs=0.1)
    assert found["b"].longer["a"] == pytest.approx(0.25, abs=0.1)
    same = Machine(a=[0.25], b=[0.25]).timed()
    assert (same["a"].longer, same["b"].longer) == ({"b": 0.0}, {"a": 0.0})


class Shared(Machine):
    """A machine that others have for the first part of each second, too."""

    def __init__(self, part: float, **seconds: list[float]) -> None:
        super().__init__(**seconds)
        self.part = part

    def _call(self, name: str, seconds: itertools.cycle[float]):  # type: ignore[no-untyped-def]
        def call() -> None:
            for _ in range(round(next(seconds) / 1e-4)):
                here = self.now % 1.0
                self.now += 2e-3 if here < self.part else 1e-4

        return call


SMALL = {"fp32": [4e-4], "prepared": [4e-4], "result": [2e-4]}
"""Seconds that a small model takes where nobody else is."""


@pytest.mark.parametrize("start", [0.0, 0.05, 0.3, 0.9])
def test_a_stall_of_100_ms_decides_nothing_of_a_small_model(start: float) -> None:
    machine = Shared(0.1, **SMALL)
    machine.now = start
    found = machine.timed()
    assert found["fp32"].median == pytest.approx(4e-4)
    assert verdict(found["fp32"], found["result"], "fp32", "result") == "faster"
    assert verdict(found["fp32"], found["prepared"]) == "within noise"


def test_a_stall_while_it_warms_up_costs_no_rounds() -> None:
    seconds = [0.0004, 0.0004, 0.6] + [0.0004] * 1000
    assert Machine(a=seconds).timed()["a"].runs == most_rounds(SECONDS)


def test_on_a_machine_that_others_have_nothing_is_told() -> None:
    found = Machine(a=[0.0004, 0.013, 0.1], b=[0.1, 0.0004, 0.013]).timed()
    assert found["a"].noisy
    assert verdict(found["a"], found["b"], "a", "b") == "too noisy to tell"


@pytest.mark.parametrize(
    ("fp32", "result", "ratio"), [(4, 2, 2), (2, 4, 0.5), (0, 0, 1), (1, 0, 1e9)]
)
def test_speedup_is_how_many_times_as_fast(
    fp32: float, result: float, ratio: float
) -> None:
    before, after = (Latency(each, each, each, 9) for each in (fp32, result))
    assert speedup(before, after) == pytest.approx(ratio)


# Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_log_only_what_is_done_has_a_line() -> None:
    stream = io.StringIO()
    progress = Terminal(stream)
    progress.live("trial 1", "95.0% of FLOPs")
    progress.batch(7)
    progress.line("trial 1", "passes")
    assert stream.getvalue() == "  trial 1    passes\n"


def test_on_a_terminal_the_line_replaces_what_was_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = Screen()
    progress = Terminal(stream)
    progress.live("trial 1", "a text that is much longer than the terminal")
    assert len(stream.getvalue().rsplit("\x1b[2K")[-1]) == 29
    progress.line("trial 1", "passes")
    assert stream.getvalue().endswith("\r\x1b[2K  trial 1    passes\n")


def test_the_live_line_counts_batches() -> None:
    stream = Screen()
    progress = Terminal(stream)
    progress.live("trial 1", "95.0%")
    progress.batch(7)
    progress.batch(8)
    last = stream.getvalue().rsplit("\r\x1b[2K")[-1]
    assert last == "  trial 1    95.0%, batch 8"


def test_control_characters_of_a_plan_reach_no_terminal() -> None:
    stream = Screen()
    Terminal(stream).line("warning", "made with \x1b]0;title\x07 torch")
    assert "\x1b]" not in stream.getvalue()
    assert r"\x1b]0;title\x07" in stream.getvalue()
