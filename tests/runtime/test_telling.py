"""What a run says while it works, and when it waits: clocks are the test's own."""

from __future__ import annotations

import ctypes
import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.common.telling import heartbeat, last_resort
from narrowcast.runtime.common.telling import waiting as telling
from narrowcast.runtime.common.telling.heartbeat import Heartbeat, beating
from narrowcast.runtime.common.telling.progress import (
    Quiet,
    Terminal,
    Verbose,
    duration,
)
from narrowcast.runtime.common.telling.spec_lines import located
from narrowcast.runtime.common.telling.waiting import (
    READING,
    SCORING,
    Wait,
    awaited,
    current,
    limit_reading,
    waiting,
)
from narrowcast.runtime.evaluation.batches import all_inputs
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.eval_func import score_model
from tests.shared.toy import Toy


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when it is said."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    yield
    limit_reading(None)


# Waiting


def test_what_is_waited_for_is_known_while_it_lasts() -> None:
    assert current() is None
    with waiting("a") as outer:
        assert current() is outer
        with waiting("b") as inner:
            assert current() is inner
        assert current() is outer
    assert current() is None


def test_what_other_threads_wait_for_is_not_what_the_run_waits_for() -> None:
    inside, over = threading.Event(), threading.Event()

    def reads() -> None:
        with waiting(READING):
            inside.set()
            over.wait()

    with waiting("a") as wait:
        thread = threading.Thread(target=reads)
        thread.start()
        inside.wait()
        assert current() is wait
    assert current() is None
    over.set()
    thread.join()
    assert current() is None


def test_each_item_is_waited_for_by_itself() -> None:
    seen: list[Wait | None] = []

    def items() -> Iterator[int]:
        for number in range(3):
            seen.append(current())
            yield number

    for _item in awaited(items()):
        assert current() is None
    assert len({id(each) for each in seen}) == 3
    assert {each.what for each in seen if each} == {READING}


def beats(*, most: float | None, gone: range) -> tuple[list[Any], list[Any]]:
    """What is told of, and ended in, one wait for so many seconds."""
    limit_reading(most)
    told: list[Any] = []
    ended: list[Any] = []
    beat = Heartbeat(lambda *said: told.append(said), ended.append).beat
    with waiting(READING):
        for second in gone:
            beat(100.0 + second)
    beat(500.0)
    return told, ended


def test_waits_are_told_from_ten_seconds_on_until_they_end() -> None:
    told, ended = beats(most=None, gone=range(0, 45, 5))
    assert told[:2] == [("", 0), ("", 0)]
    assert told[2:-1] == [(READING, float(s)) for s in range(10, 45, 5)]
    assert told[-1] == ("", 0)
    assert ended == []


def test_a_wait_that_is_longer_than_the_limit_is_ended_once() -> None:
    assert len(beats(most=20, gone=range(0, 45, 5))[1]) == 1
    assert beats(most=50, gone=range(0, 45, 5))[1] == []
    assert beats(most=0, gone=range(0, 45, 5))[1] == []


def test_each_batch_has_the_whole_limit() -> None:
    limit_reading(20)
    ended: list[Any] = []
    beat = Heartbeat(lambda what, seconds: None, ended.append).beat
    now = 0.0
    for _batch in awaited(range(3)):
        for _ in range(3):
            beat(now := now + 10)
    assert ended == []


def test_what_another_process_waits_for_is_told_and_not_ended() -> None:
    limit_reading(20)
    told: list[Any] = []
    ended: list[Any] = []
    beat = Heartbeat(lambda *said: told.append(said), ended.append).beat
    with waiting("a process") as wait:
        beat(0)
        wait.heard = READING, 70.0
        beat(30)
        wait.heard = None
        beat(31)
    assert told == [("", 0), (READING, 70), ("a process", 31)]
    assert ended == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no such signals")
def test_what_sleeps_is_woken_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SECOND", 0.01)
    limit_reading(0.02)

    def sleeping() -> Iterator[Any]:
        time.sleep(600)
        yield None, None

    line = sleeping.__code__.co_firstlineno + 1
    before = signal.getsignal(signal.SIGALRM)
    with beating(lambda what, seconds: None), pytest.raises(DataError) as caught:
        list(all_inputs(sleeping))
    assert f"no batch came for 0.02 s at {Path(__file__).name}:{line}, " in str(
        caught.value
    )
    assert signal.getsignal(signal.SIGALRM) == before
    assert "heartbeat" not in {each.name for each in threading.enumerate()}


def sleeping_for_ever() -> None:
    list(all_inputs(_never))


def _never() -> Iterator[Any]:
    time.sleep(600)
    yield None, None


def test_a_fresh_process_ends_what_it_waits_for_too_long() -> None:
    limit_reading(0.02)
    with pytest.raises(DataError, match=r"no batch came for 0.02 s at test_telling.py"):
        in_fresh_process(sleeping_for_ever)


def stubborn() -> None:
    threading.Thread(target=time.sleep, args=(600,)).start()
    heartbeat.GRACE = heartbeat.SECOND = 0.05
    with waiting(SCORING):
        while True:
            with suppress(BaseException):
                time.sleep(600)


def test_what_keeps_the_error_from_getting_through_is_ended_too() -> None:
    limit_reading(0.02)
    with pytest.raises(DataError, match=r"did not come back for 0.02 s at test_tell"):
        in_fresh_process(stubborn)


def holds_the_lock() -> None:
    telling.LATE, last_resort.TELLING = 0.1, 0.2
    with waiting(READING):
        ctypes.PyDLL(None).sleep(600)


@pytest.mark.skipif(sys.platform != "linux", reason="timers of glibc")
def test_native_code_that_lets_no_python_run_ends_with_its_process(
    capfd: pytest.CaptureFixture[str],
) -> None:
    limit_reading(0.02)
    with pytest.raises(ModelError, match="exit code 2"):
        in_fresh_process(holds_the_lock)
    said = capfd.readouterr().err
    assert said.startswith(
        "error[NC502]: reading data: native code did not come back for 0.12"
    )


def a_batch() -> Iterator[Any]:
    yield (np.ones((2, 2), np.float32),), np.zeros(2)


class Sleeping:
    def reset(self) -> None: ...

    def update(self, predictions: Any, labels: Any) -> None:
        time.sleep(600)

    def result(self) -> float:
        return 0.0


def leaves_a_thread() -> int:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return 3


def test_a_fresh_process_ends_with_its_answer() -> None:
    assert in_fresh_process(leaves_a_thread) == 3


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no such signals")
@pytest.mark.parametrize(
    "scored",
    [
        lambda: evaluate(lambda inputs: inputs, a_batch, Sleeping),
        lambda: score_model(lambda model: time.sleep(600), None),
    ],
)
def test_metrics_that_hang_are_woken(
    scored: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SECOND", 0.01)
    limit_reading(0.02)
    with (
        beating(lambda what, seconds: None),
        pytest.raises(DataError, match=r"did not come back for 0.02 s at test_tell"),
    ):
        scored()


@pytest.mark.nightly
def test_a_script_ends_what_hangs(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    script = toy.folder / "convert_net.py"
    text = script.read_text()
    script.write_text(
        text.replace(
            "    for size in (20, 20, 7):",
            "    import threading\n    import time\n\n"
            "    threading.Thread(target=time.sleep, args=(600,)).start()\n"
            "    time.sleep(600)\n    for size in (20, 20, 7):",
        )
    )
    done = toy.run("--timeout", "0.5")
    assert (done.code, done.out) == (2, "")
    assert "reading data: no batch came for 0.5 s at convert_net.py:" in done.err


# Lines


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (40, "40 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_without_a_terminal_a_wait_has_a_line_whenever_it_lasted_twice_as_long() -> (
    None
):
    stream = io.StringIO()
    progress = Terminal(stream, Clock())
    progress.live("baseline", "the model as loaded")
    for second in range(10, 90):
        progress.goes_on(READING, second)
    progress.goes_on("", 0)
    progress.goes_on(READING, 10)
    assert stream.getvalue().splitlines() == [
        f"  baseline   the model as loaded; reading data, {seconds} s"
        for seconds in (10, 20, 40, 80, 10)
    ]


def test_a_wait_before_any_step_has_a_line() -> None:
    stream = io.StringIO()
    Terminal(stream, Clock()).goes_on(READING, 10)
    assert stream.getvalue() == "  data       reading data, 10 s\n"


def test_without_a_terminal_a_long_step_says_how_far_it_is() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Terminal(stream, clock)
    progress.live("trial 1", "95.0%")
    for second in range(130):
        clock.now = 100.0 + second
        progress.batch(second)
        progress.goes_on("", 0)
    assert stream.getvalue().splitlines() == [
        f"  trial 1    95.0%, batch {second}, {said}"
        for second, said in ((30, "30 s"), (60, "60 s"), (120, "2 min"))
    ]


def test_the_live_line_knows_what_is_left_of_a_pass() -> None:
    stream, clock = Screen(), Clock()
    progress = Terminal(stream, clock)
    progress.live("baseline", "as loaded")
    progress.batch(40)
    progress.line("baseline", "top-1 0.9")
    progress.live("trial 1", "95.0%")
    clock.now += 6
    progress.batch(10)
    assert stream.getvalue().endswith("  trial 1    95.0%, batch 10 of 40, 18 s left")
    progress.goes_on(READING, 12)
    assert stream.getvalue().endswith(", 18 s left; reading data, 12 s")
    progress.line("trial 1", "passes")
    assert stream.getvalue().endswith("\r\x1b[2K  trial 1    passes\n")


def test_quiet_says_what_is_warned_of() -> None:
    stream = Screen()
    progress = Quiet(stream)
    progress.live("trial 1", "95.0%")
    progress.batch(1)
    progress.goes_on(READING, 100)
    progress.line("trial 1", "passes")
    progress.line("warning", "slow")
    assert stream.getvalue() == "\r\x1b[2K  warning    slow\n"


def test_verbose_says_what_begins() -> None:
    stream = io.StringIO()
    progress = Verbose(stream)
    progress.live("trial 1", "95.0%")
    progress.line("trial 1", "passes")
    assert stream.getvalue() == "  trial 1    95.0% ...\n  trial 1    passes\n"


# Lines of the spec


SPEC = """\
# a comment: of nobody
model: {name: net, path: ./net.pb}
evaluation:
  accuracy:
    dataloader:
      "dataset":
        python: my.data:Rows
      batch_size: 4
    metric: {topk: 1}
tuning:
    strategy: {name: mse}
"""


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Check evaluation.accuracy.dataloader.dataset.", "dataset (my net.yaml:6)."),
        ("evaluation.accuracy.dataloader.transform", "transform (my net.yaml:5)"),
        ("model.inputs says so, and model.inputs", "model.inputs (my net.yaml:2) says"),
        ("tuning.strategy.name", "tuning.strategy.name (my net.yaml:11)"),
        ("evaluation.accuracy.metric, net.model.x", "evaluation.accuracy.metric (my "),
        ("quantization.op_wise", "quantization.op_wise"),
        ("or write tuning.strategy: x", "or write tuning.strategy: x"),
        ("no key at all", "no key at all"),
    ],
)
def test_keys_that_a_message_names_have_their_line(
    said: str, found: str, tmp_path: Path
) -> None:
    script = tmp_path / "convert_net.py"
    script.write_text('# [tool.narrowcast]\n# spec = "my net.yaml"\n')
    assert located(said, script) == said
    (tmp_path / "my net.yaml").write_text(SPEC)
    assert found in located(said, script)
    assert located(said, tmp_path / "absent.py") == said


# Nothing is timed


def test_nothing_is_timed_without_timing(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    script = toy.folder / "convert_net.py"
    text = script.read_text()
    for name in ("with_fastest_forms", "time", "time_whole"):
        head, rest = text.split(f"    def {name}(", 1)
        signature, body = rest.split(":\n", 1)
        text = f"{head}    def {name}({signature}:\n        assert False\n{body}"
    script.write_text(text)
    done = toy.run("--max-trials", "1", "--no-timing", "-v")
    assert done.code == 0
    assert done.err.splitlines()[-1].startswith("  took       ")
    assert "not timed" in done.out
    assert ": --no-timing" in done.out
