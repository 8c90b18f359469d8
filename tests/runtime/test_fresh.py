"""Work in a fresh process: results and errors come back, a death is no hang."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common import errors
from narrowcast.runtime.common.processes.answering import answering
from narrowcast.runtime.common.processes.fresh import FreshProcess, in_fresh_process
from narrowcast.runtime.evaluation.batches import first_inputs
from narrowcast.runtime.evaluation.saved import OPENING, TIMING, opened, predict_file

WORK = '''
import os, signal, subprocess, sys, time

class Odd(Exception):
    """Survives pickling, but not unpickling."""
    def __init__(self, number, text):
        super().__init__(f"{text} {number}")

def odd():
    raise Odd(3, "odd")

def local():
    class Local(Exception): pass
    raise Local("cannot be found again")

def dies_but_its_child_lives(path):
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    with open(path, "w") as file:
        file.write(str(child))
    signal.raise_signal(signal.SIGKILL)

def known():
    return "wave" in sys.modules, os.getpid()

def imports_and_forks(fresh):
    import wave
    forks = [fresh.forked(known) for _ in range(2)]
    return {
        "imported": [imported for imported, _process in forks],
        "processes": [os.getpid(), *(process for _imported, process in forks)],
    }

def counter(start):
    if start is None:
        raise ValueError("nothing to count from")
    counted = [start]

    def answer(question):
        if question == "die":
            os._exit(3)
        if question == "fail":
            raise Odd(3, "odd")
        counted[0] += question
        return counted[0], os.getpid()

    return answer

def lingers(path):
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)
    time.sleep(600)
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "fresh_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(importlib.import_module("sys").modules, "fresh_work", False)
    return importlib.import_module("fresh_work")


def test_the_result_comes_from_another_process() -> None:
    assert in_fresh_process(os.getpid) != os.getpid()


def test_arrays_and_keywords_pass_both_ways() -> None:
    array = np.arange(300_000, dtype=np.float32)
    assert np.array_equal(in_fresh_process(np.multiply, array, 2), array * 2)
    assert in_fresh_process(int, "ff", base=16) == 255


def test_a_users_error_keeps_type_message_and_remedy() -> None:
    with pytest.raises(errors.DataError) as caught:
        in_fresh_process(first_inputs, list)
    assert caught.value.message == "the data has no batch"
    assert caught.value.remedy == (
        "The dataset is empty, or shorter than batch_size under `last_batch: discard`."
    )


def test_any_other_error_keeps_type_and_text_and_says_where_it_was() -> None:
    with pytest.raises(ValueError, match="invalid literal for int") as caught:
        in_fresh_process(int, "many")
    assert "In the fresh process:\nTraceback" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("name", "said"), [("odd", "Odd: odd 3"), ("local", "Local: cannot be found again")]
)
def test_an_error_that_cannot_travel_is_told(
    work: ModuleType, name: str, said: str
) -> None:
    with pytest.raises(RuntimeError, match=said):
        in_fresh_process(getattr(work, name))


def _forked(function: Any, *arguments: Any) -> Any:
    return FreshProcess("had another fork").forked(function, *arguments)


def test_a_fork_has_what_its_process_imported_and_leaves_nothing(
    work: ModuleType,
) -> None:
    fresh = FreshProcess("forked")
    seen = fresh.call(work.imports_and_forks, fresh)
    assert seen["imported"] == [True, True] and len({*seen["processes"]}) == 3
    with pytest.raises(ValueError, match="invalid literal for int"):
        fresh.call(_forked, int, "many")
    with pytest.raises(errors.ModelError, match="had another fork died: killed by"):
        fresh.call(_forked, os.abort)


@pytest.mark.parametrize(
    ("function", "argument", "said"),
    [
        (os._exit, 3, "exit code 3"),
        (os._exit, 0, "exit code 0"),
        (signal.raise_signal, signal.SIGKILL, "killed by signal 9"),
        (signal.raise_signal, signal.SIGSEGV, "killed by signal 11"),
        (os.abort, None, "killed by signal 6"),
    ],
)
def test_a_process_that_dies_is_a_model_error(
    function: Any, argument: int | None, said: str
) -> None:
    arguments = () if argument is None else (argument,)
    with pytest.raises(errors.ModelError, match=f"died: {said}") as caught:
        in_fresh_process(function, *arguments)
    assert "memory" in caught.value.remedy


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (OPENING, "the process that opened the saved model died: exit code 3"),
        (TIMING, "the process that timed fp32 and what was saved died: exit code 3"),
        (
            FreshProcess("compiled it", "Do without."),
            "the process that compiled it died",
        ),
    ],
)
def test_a_death_is_told_as_what_the_process_did(
    process: FreshProcess, said: str
) -> None:
    with pytest.raises(errors.ModelError, match=said) as caught:
        process.call(os._exit, 3)
    wrote = "What it wrote before may say why. "
    assert caught.value.remedy == wrote + process.remedy


def test_a_death_blames_no_saved_model_where_there_is_none() -> None:
    with pytest.raises(errors.ModelError) as caught:
        in_fresh_process(os.abort)
    assert caught.value.message == "the process that ran abort died: killed by signal 6"


def test_what_cannot_be_handed_over_is_said_before_anything_runs() -> None:
    with pytest.raises(errors.UsageError, match="can't be handed to it") as e:
        in_fresh_process(lambda: 1)
    assert "not of another function" in e.value.remedy


def test_a_model_that_does_not_open_is_not_said_to_fail_on_the_data() -> None:
    with pytest.raises(
        errors.ModelError, match="can't be opened: FileNotFound"
    ) as caught:
        opened(predict_file, Path.read_bytes, Path("net.pt2"), list)
    assert "model.inputs" not in caught.value.remedy


def test_a_dead_process_whose_child_lives_is_no_hang(
    work: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(errors.ModelError, match="killed by signal 9"):
        in_fresh_process(work.dies_but_its_child_lives, str(tmp_path / "pid"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_one_process_answers_all_that_it_is_asked(work: ModuleType) -> None:
    with answering(OPENING, work.counter, 3) as ask:
        (first, process), (second, same) = ask(4), ask(np.int64(5))
        assert (first, second) == (7, 12)
        assert process == same != os.getpid()
        with pytest.raises(RuntimeError, match="Odd: odd 3") as caught:
            ask("fail")
        assert "In the fresh process:\nTraceback" in caught.value.__notes__[0]
        assert ask(1)[0] == 13  # an error is an answer
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_does_not_begin_to_answer(work: ModuleType) -> None:
    with (
        pytest.raises(ValueError, match="nothing to count from"),
        answering(OPENING, work.counter, None),
    ):
        pytest.fail("it answers")


def test_a_death_between_two_answers_is_told(work: ModuleType) -> None:
    died = "the process that opened the saved model died: exit code 3"
    with answering(OPENING, work.counter, 3) as ask:
        ask(1)
        for question in ("die", 1):
            with pytest.raises(errors.ModelError, match=died):
                ask(question)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal; a job in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_process_too(work: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "pid"

    def interrupt_when_it_runs() -> None:
        while not path.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt_when_it_runs)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        in_fresh_process(work.lingers, str(path))
    thread.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)


KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.NarrowcastError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickling(kind: type[errors.NarrowcastError]) -> None:
    found = pickle.loads(pickle.dumps(kind("what is wrong", "what to do")))
    assert type(found) is kind
    assert str(found) == "what is wrong\n  what to do"
    assert found.exit_code == kind.exit_code
