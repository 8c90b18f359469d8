"""What outputs have drifted from fp32's, by each measure's own definition."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from narrowcast.runtime.common.errors import DataError, MetricError, ModelError
from narrowcast.runtime.evaluation.drift.demanded import MEASURES, Drift
from narrowcast.runtime.evaluation.drift.measures import (
    SQNR,
    Agreement,
    Cosine,
    Divergence,
    LargestError,
    LeastCosine,
    RelativeError,
)
from narrowcast.runtime.evaluation.drift.reference import (
    Compared,
    Expected,
    read_outputs,
    write_outputs,
)

NUMBERS = st.floats(-1e3, 1e3, width=32)
BATCHES = st.tuples(st.integers(1, 7), st.integers(2, 5)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=NUMBERS),
        arrays(np.float32, shape, elements=NUMBERS),
        st.integers(0, shape[0]),
    )
)


def value(metric: Any, *batches: tuple[Any, Any]) -> float:
    metric.reset()
    for found, fp32 in batches:
        metric.update(np.asarray(found), np.asarray(fp32))
    return float(metric.result())


@given(BATCHES)
def test_definitions_whatever_the_batches(
    drawn: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int],
) -> None:
    found, fp32, cut = drawn
    a, b = found.astype(np.float64), fp32.astype(np.float64)
    noise, signal = np.square(a - b).sum(), np.square(b).sum()
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both = (np.linalg.norm(a, axis=1) == 0) & (np.linalg.norm(b, axis=1) == 0)
    cosines = np.where(both, 1.0, (a * b).sum(1) / np.where(lengths, lengths, 1.0))
    p, q = (np.exp(x - x.max(1, keepdims=True)) for x in (b, a))
    p, q = (np.maximum(x / x.sum(1, keepdims=True), 1e-12) for x in (p, q))
    plain = not ((b >= 0).all(1) & (np.abs(b.sum(1) - 1) < 1e-3)).any()
    expected = {
        Agreement: np.mean(a.argmax(1) == b.argmax(1)),
        Cosine: cosines.mean(),
        LeastCosine: cosines.min(),
        LargestError: np.abs(a - b).max(),
        RelativeError: math.sqrt(noise / signal) if signal else math.inf,
        SQNR: max(-300.0, 10 * math.log10(signal / noise))
        if signal and noise
        else -300.0,
        Divergence: (p * np.log(p / q)).sum(1).mean() if plain else None,
    }
    for measure, wanted in expected.items():
        if wanted is None:
            continue
        if not noise:
            wanted = {RelativeError: 0.0, SQNR: 300.0}.get(measure, wanted)
        parts = ((found[:cut], fp32[:cut]), (found[cut:], fp32[cut:]))
        got = value(measure(), *(part for part in parts if len(part[0])))
        assert got == pytest.approx(wanted, rel=1e-6, abs=1e-7), measure


def test_probabilities_are_taken_as_such_and_zeros_do_not_break_them() -> None:
    fp32, found = [[0.25, 0.75, 0.0]], [[0.5, 0.5, 0.0]]
    expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert value(Divergence(), (found, fp32)) == pytest.approx(expected, abs=1e-9)
    assert value(Divergence(), ([[1.0, 0.0]], [[0.0, 1.0]])) == pytest.approx(
        -math.log(1e-12), rel=1e-6
    )


def test_classes_along_another_axis_and_of_each_place() -> None:
    fp32 = np.zeros((2, 3, 4))
    fp32[:, 1] = 1
    found = fp32.copy()
    found[0, 2, 0] = 2
    assert value(Agreement(1), (found, fp32)) == 1 - 1 / 8
    tokens = np.moveaxis(found, 1, 2), np.moveaxis(fp32, 1, 2)
    assert value(Agreement(), tokens) == 1 - 1 / 8


def test_whole_numbers_agree_where_they_are_equal() -> None:
    assert value(Agreement(), ([[1, 2], [3, 4]], [[1, 2], [3, 5]])) == 0.75


def test_another_shape_is_no_drift() -> None:
    with pytest.raises(MetricError, match="has shape"):
        value(Cosine(), (np.zeros((1, 2)), np.zeros((1, 3))))


LOGITS, BOXES = np.zeros((4, 3), np.float32), np.zeros((4, 2, 4), np.float32)
SCORE, IDS = np.zeros(4, np.float32), np.zeros((4, 5), np.int64)


def demanded(drift: Drift, *outputs: np.ndarray[Any, Any]) -> dict[str, float]:
    return {each.name: each.bound for each in drift.demands(outputs)}


def test_what_is_demanded_of_each_output() -> None:
    drift = Drift(
        sqnr=30,
        agreement=0.9,
        outputs={"boxes": Drift(sqnr=20, largest_error=1), 2: Drift(cosine=0.5)},
        names=("logits", "boxes", "score", "ids"),
    )
    assert demanded(drift, LOGITS, BOXES, SCORE, IDS) == {
        "agreement of logits": 0.9,
        "SQNR of logits": 30,
        "agreement of boxes": 0.9,
        "SQNR of boxes": 20,
        "largest error of boxes": 1,
        "cosine of score": 0.5,
        "SQNR of score": 30,
        "agreement of ids": 0.9,
    }
    for each in drift.demands((LOGITS, BOXES, SCORE, IDS)):
        assert drift.demand(each.name, each.output) == each
    assert demanded(Drift(agreement=1), LOGITS) == {"agreement": 1}


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (
            Drift(agreement=1),
            r"no output .* judged by agreement: they are float32\[4\]",
        ),
        (Drift(sqnr=1, outputs={1: Drift(sqnr=2)}), "output 1, and the model has 1"),
        (
            Drift(outputs={"a": Drift(sqnr=2)}, names=("a", "b")),
            "of output a, and the model has 1, of which the spec names 2",
        ),
        (Drift(kl=1, axis=-1), r"no output .* judged by kl: they are float32\[4\]"),
    ],
)
def test_demands_that_nothing_meets(drift: Drift, said: str) -> None:
    with pytest.raises(DataError, match=said):
        drift.demands((SCORE,))


def test_an_outputs_own_axis_wins_also_where_it_is_the_last() -> None:
    own = {"a": Drift(kl=1, axis=-1), "b": Drift(kl=1), "c": Drift(kl=1, axis=-2)}
    drift = Drift(axis=1, outputs=own, names=("a", "b", "c"))
    axes = [each.axis for each in drift.demands((BOXES, BOXES, BOXES))]
    assert axes == [-1, 1, -2]


def test_what_the_model_calls_its_outputs() -> None:
    drift = Drift(outputs={"boxes": Drift(cosine=1)})
    assert drift.asks_names and not replace(drift, names=("boxes",)).asks_names
    with pytest.raises(DataError, match="the model has 1, without names"):
        drift.demands((BOXES,))
    with pytest.raises(DataError, match=r"are box, logits(.|\n)*Did you mean `box`"):
        replace(drift, names=("box", "logits")).demands((BOXES, LOGITS))
    twice = replace(drift, outputs={**drift.outputs, 0: Drift(sqnr=1)})
    with pytest.raises(DataError, match="twice of output boxes, the model's 0"):
        replace(twice, names=("boxes",)).demands((BOXES,))


def test_every_measure_can_be_demanded() -> None:
    names = set(Drift.__slots__) - {"axis", "outputs", "names", "on_random_inputs"}
    assert names == set(MEASURES)


def test_outputs_are_kept_to_the_bit(tmp_path: Path) -> None:
    outputs = (LOGITS + 0.1, IDS, np.array([b"one", b"a"]), np.float32(2).reshape(()))
    write_outputs(tmp_path / "a.npz", outputs)
    for before, after in zip(outputs, read_outputs(tmp_path / "a.npz"), strict=True):
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype
    with pytest.raises(ModelError, match="can't be compared"):
        write_outputs(tmp_path / "b.npz", (np.array([None, 1]),))
    with pytest.raises(ModelError, match=r"c\.npz"):
        read_outputs(tmp_path / "c.npz")


def test_between_processes_only_the_file_goes(tmp_path: Path) -> None:
    def batches() -> Any:
        yield (LOGITS,), "label"

    ((_inputs, expected),) = Compared(batches, tmp_path, records=True)()
    seen = expected.seen_by((LOGITS,))
    assert seen.outputs()[0] is LOGITS
    over = pickle.loads(pickle.dumps(seen))
    assert isinstance(over, Expected) and over.known is None
    assert (over.outputs()[0] == LOGITS).all() and over.labels == "label"


def test_what_is_not_a_number_is_the_worst() -> None:
    lost = (np.array([[1, math.nan]]), np.ones((1, 2)))
    one = (np.ones((1, 2)), np.ones((1, 2)))
    for batches in ((lost, one), (one, lost)):
        assert value(LargestError(), *batches) == math.inf
        assert value(LeastCosine(), *batches) == 0
