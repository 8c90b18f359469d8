"""Metrics and eval_funcs of users' own: what they give, and what is not theirs."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import MetricError, first_line
from narrowcast.runtime.common.places import described
from narrowcast.runtime.evaluation.data.arrays import Arrays
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.eval_func import score_model
from narrowcast.runtime.evaluation.metrics.given import given
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.postprocess.shifted import shifted
from narrowcast.runtime.evaluation.metrics.several import Several
from narrowcast.runtime.evaluation.transforms.own import own_transform

HERE = Path(__file__).name
Act = Callable[[], Any]


class Acting:
    """A metric that does something wherever it is called."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.seen = 0

    def reset(self) -> None:
        self.act()

    def update(self, predictions: Any, labels: Any) -> None:
        self.act()
        self.seen += 1

    def result(self) -> Any:
        self.act()
        return self.seen


def batches() -> Iterator[Any]:
    for _batch in range(3):
        yield (np.ones((2, 2), np.float32),), np.zeros(2)


def by_metric(act: Act) -> float:
    return evaluate(lambda inputs: inputs, batches, lambda: Acting(act)).value


def by_function(act: Act) -> float:
    return score_model(lambda model: [act(), 3][1], None).value


WAYS = [by_metric, by_function]


@pytest.mark.parametrize("scored", WAYS)
def test_random_numbers_of_others_stay_the_same(scored: Callable[[Act], float]) -> None:
    def act() -> None:
        random.seed(1)
        np.random.seed(1)

    random.seed(11)
    np.random.seed(11)
    expected = random.random(), np.random.random()
    random.seed(11)
    np.random.seed(11)
    assert scored(act) == 3
    assert (random.random(), np.random.random()) == expected


@pytest.mark.parametrize("scored", WAYS)
def test_the_working_directory_stays(
    scored: Callable[[Act], float], tmp_path: Path
) -> None:
    before = Path.cwd()
    assert scored(lambda: os.chdir(tmp_path)) == 3
    assert Path.cwd() == before


@pytest.mark.parametrize("scored", WAYS)
def test_a_working_directory_that_is_removed_is_left(
    scored: Callable[[Act], float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)

    def act() -> None:
        os.chdir(tmp_path)
        if gone.exists():
            gone.rmdir()

    assert scored(act) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
@pytest.mark.parametrize("scored", WAYS)
def test_a_forked_process_that_comes_back_goes_no_further(
    scored: Callable[[Act], float], tmp_path: Path
) -> None:
    ended: list[int] = []

    def act() -> None:
        child = os.fork() if not ended else -1
        if child > 0:
            ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    assert scored(act) == 3
    (tmp_path / str(os.getpid())).touch()
    assert ended == [70]
    assert [each.name for each in tmp_path.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize(
    ("given", "said"),
    [([0.5, 1], "list"), ((), "tuple"), ({"a": 1}, "dict"), ("good", "str")],
)
def test_what_is_no_number_is_refused(given: Any, said: str) -> None:
    class Giving(Acting):
        def result(self) -> Any:
            return given

    with pytest.raises(
        MetricError, match=rf"Giving.result\(\) gives {said}, not a number"
    ) as caught:
        evaluate(lambda inputs: inputs, batches, lambda: Giving(int))
    assert caught.value.remedy == "Let it return one float."


def broken() -> None:
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize("scored", WAYS)
def test_an_exception_names_the_line(scored: Callable[[Act], float]) -> None:
    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(MetricError, match=f"failed at {HERE}:{line}: ZeroDivision"):
        scored(broken)


@pytest.mark.parametrize("scored", WAYS)
def test_what_is_printed_is_the_users(
    scored: Callable[[Act], float], capsys: pytest.CaptureFixture[str]
) -> None:
    scored(lambda: print("mine"))
    assert capsys.readouterr().out.startswith("mine\n")


class InPlace:
    """A metric that writes to all that it gets."""

    def reset(self) -> None:
        self.sum = 0.0

    def update(self, predictions: Any, labels: Any) -> None:
        self.sum += float(predictions.sum() + labels.sum())
        predictions -= predictions.max() + 7
        labels -= 1

    def result(self) -> float:
        return self.sum


@pytest.mark.parametrize(
    "wrapped",
    [lambda metric: metric, lambda metric: shifted(metric, 1), given],
)
def test_what_works_in_place_changes_nothing_of_others(
    wrapped: Callable[[Any], Any],
) -> None:
    data = Arrays((np.arange(12.0, dtype=np.float32).reshape(6, 2),), np.arange(6))
    values = np.arange(12.0, dtype=np.float32)[None]
    seen: list[Any] = []

    def made() -> Any:
        metric = wrapped(InPlace())
        return Several(metric() if callable(metric) else metric, MSE())

    for _pass in range(2):
        found = evaluate(
            lambda inputs: (inputs[0][:, 0],),
            lambda: data.batches(4),
            made,
            beside=lambda batch: seen.append((batch.outputs[0].copy(), batch.labels)),
        )
        assert found.parts[1].value == np.mean(np.square(np.arange(6)))
    assert np.array_equal(data.inputs[0].ravel(), values[0])
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert seen[0][0].tolist() == [0, 2, 4, 6]


def test_what_a_metric_draws_is_the_same_in_each_process() -> None:
    class Drawing(Acting):
        def result(self) -> Any:
            return random.random() + float(np.random.random())

    found = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        found.append(
            evaluate(
                lambda inputs: inputs, batches, lambda: Drawing(lambda: None)
            ).value
        )
    assert found[0] == found[1]


def test_a_function_that_a_script_imports_is_named_by_its_own_place() -> None:
    def eval_func(model: Any) -> Any:
        from json import dumps

        return dumps(model)

    line = json.dumps.__code__.co_firstlineno
    with pytest.raises(
        MetricError, match=rf"eval_func at __init__.py:{line} gives str"
    ):
        score_model(eval_func, None)


def test_a_transform_that_works_in_place_changes_no_data() -> None:
    def less(image: Any) -> Any:
        image -= 1
        return image

    image = np.ones((2, 2, 3))
    for _pass in range(2):
        assert own_transform(less)(image, 0)[0].max() == 0


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_say_what_it_is_is_told_by_its_type() -> None:
    assert described(Wordless()) == "Wordless: (it says no more)"
    assert first_line(Wordless()) == "Wordless"
