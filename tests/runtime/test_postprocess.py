"""What is done to outputs and labels before a metric sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.text.squad import FIRST, Window
from narrowcast.runtime.evaluation.metrics.classification.f1 import F1
from narrowcast.runtime.evaluation.metrics.metric import MeanOverSamples
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.postprocess.collect import Collect
from narrowcast.runtime.evaluation.metrics.postprocess.shifted import shifted
from narrowcast.runtime.evaluation.metrics.postprocess.squad import SquadV1, owns
from narrowcast.runtime.evaluation.metrics.text.squad_f1 import SquadF1
from narrowcast.runtime.evaluation.metrics.topk import TopK


@pytest.mark.parametrize("labels", [[1, 2, 1], np.array([1, 2, 1], np.uint8)])
def test_labels_are_shifted_and_scores_stay(labels: Any) -> None:
    metric = shifted(TopK(1), 1)
    metric.update(np.eye(2)[[0, 1, 1]], labels)
    assert isinstance(metric, MeanOverSamples)
    assert (metric.name, metric.bounds) == ("top-1", (0, 1))
    assert metric.scores().tolist() == [1, 1, 0]
    metric.add(np.zeros(1))
    assert metric.result() == 0.5
    metric.reset()
    metric.update(np.eye(2), np.array([1, 2]))
    assert metric.result() == 1
    assert metric.score(np.eye(2), [1, 1]).tolist() == [1, 0]


def test_a_metric_of_all_samples_is_shifted_too() -> None:
    metric = shifted(F1(), -1)
    metric.update(np.eye(2), [-1, 0])
    assert (metric.result(), getattr(metric, "name", "")) == (1, "F1")
    metric.reset()
    with pytest.raises(DataError, match="labels are strings"):
        metric.update(np.eye(2), ["a", "b"])
    with pytest.raises(DataError, match="F1 needs labels"):
        metric.update(np.eye(2), None)


def test_what_compares_with_fp32_is_not_shifted_and_says_so_behind_a_step() -> None:
    metric = MSE(compare_label=False)
    assert shifted(metric, 1) is metric
    assert [Collect(MSE(each), 3).compare_label for each in (True, False)] == [
        True,
        False,
    ]


def test_only_the_first_samples_are_collected() -> None:
    metric = Collect(TopK(1), 3)
    for _pass in range(2):
        metric.reset()
        metric.update(np.eye(2), [0, 1])
        metric.update(np.eye(2), [0, 0])
        metric.update(np.eye(2), [1, 0])
        assert metric.result() == 1
    several = Collect(_Sees(), 1)
    several.update((np.eye(2), np.ones(2)), (np.zeros(2), [1, 2]))
    assert several.result() == 4


class _Sees:
    """Counts what it gets."""

    count = 0

    def update(self, predictions: Any, labels: Any, /) -> None:
        self.count += sum(len(each) for each in (*predictions, *labels))

    def reset(self) -> None: ...

    def result(self) -> float:
        return self.count


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_each_token_belongs_to_the_window_that_shows_most_around_it(
    tokens: int, room: int, stride: int, begins: int
) -> None:
    firsts = range(0, max(tokens - room, 0) + stride, stride)
    shown = [range(first, min(first + room, tokens)) for first in firsts]
    shown = [each for each in shown if len(each)]
    windows = [window(each, begins) for each in shown]
    for token in {token for each in shown for token in each}:
        expected, most = None, -1.0
        for own, each in zip(windows, shown, strict=True):
            if token in each:
                around = min(token - each[0], each[-1] - token) + 0.01 * len(each)
                if around > most:
                    expected, most = own, around
        owners = [each for each in windows if owns(3 * token, each, windows)]
        assert [id(each) for each in owners] == [id(expected)]


def window(tokens: range, begins: int) -> Window:
    """One that shows tokens of two characters each, a blank between them."""
    places = np.full((begins + len(tokens) + 1, 2), -1, np.int64)
    for place, token in enumerate(tokens, start=begins):
        places[place] = 3 * token, 3 * token + 2
    return Window(0, places[:, 0], places[:, 0], places)


CONTEXT = (
    "Ada Lovelace wrote the first programme, in 1843; Babbage (1791-1871) built it."
)
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] ada love ##lace wrote the first programme , in 1843 ; babbage ( 1791 - 1871 ) built it . who when ?"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    asked = [
        {"id": "who", "question": "Who?", "answers": [{"text": "Ada Lovelace"}]},
        {"id": "when", "question": "When?", "answers": [{"text": "1843"}]},
    ]
    data = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": asked}]}]}
    (tmp_path / "dev.json").write_text(json.dumps(data))
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS.split()))
    return tmp_path / "dev.json", tmp_path / "vocab.txt"


LENGTH = 32
"""[CLS] who ? [SEP] and 20 tokens of the context begin at place 4."""


def logits(*spans: tuple[int, int], length: int = LENGTH) -> tuple[Any, Any]:
    """Start and end logits (n, length) whose largest are at the given places."""
    starts, ends = np.zeros((2, len(spans), length), np.float32)
    for row, (first, last) in enumerate(spans):
        starts[row, first], ends[row, last] = 5, 6
    return starts, ends


def squad(files: tuple[Path, Path], **layout: Any) -> SquadV1:
    return SquadV1(SquadF1(), *files, **{"max_seq_length": LENGTH, **layout})


def test_answers_are_cut_out_of_the_text(files: tuple[Path, Path]) -> None:
    starts, ends = logits((4, 6), (13, 13))
    forms: list[Any] = [
        (starts, ends),
        (np.array([FIRST, FIRST + 1]), starts, ends),
        (np.array([FIRST + 1, FIRST]), starts[::-1], ends[::-1]),
        np.stack([starts, ends], axis=2),
        np.stack([starts, ends]),
    ]
    for form in forms:
        metric = squad(files)
        metric.update(form, None)
        assert dict(metric.answers()) == {0: "Ada Lovelace", 1: "1843"}
        assert metric.result() == 100
    labelled = squad(files)
    labelled.update((starts[::-1], ends[::-1]), np.array([[FIRST + 1], [FIRST]]))
    assert labelled.result() == 100
    assert metric.name == "SQuAD F1"
    metric.reset()
    with pytest.raises(DataError, match="no question to judge"):
        metric.result()


def test_spans_that_can_be_no_answer_are_passed_over(files: tuple[Path, Path]) -> None:
    """The question, what ends before it begins, and what is too long."""
    metric = squad(files, max_answer_length=3)
    starts, ends = logits((1, 2), (13, 11))
    starts[0, 4], ends[0, 6] = 2, 2
    starts[1, 20], ends[1, 14] = 5, 4
    metric.update((starts, ends), None)
    assert dict(metric.answers()) == {0: "Ada Lovelace", 1: "1843;"}
    nothing = squad(files, n_best_size=1)
    nothing.update(logits((1, 2), (13, 11)), None)
    assert dict(nothing.answers()) == {0: "empty", 1: "empty"}


def test_a_long_context_has_several_features(files: tuple[Path, Path]) -> None:
    metric = squad(files, max_seq_length=17, doc_stride=6)
    spans = [(first, last) for first, last in ((4, 4), (7, 7), (4, 4))] * 2
    starts, ends = logits(*spans, length=17)
    ends[1], starts[1] = 2 * ends[1], 2 * starts[1]
    metric.update((starts[:4], ends[:4]), None)
    assert dict(metric.answers()) == {0: "1843"}
    assert metric.result() == 0
    metric.update((starts[4:], ends[4:]), None)
    with pytest.raises(DataError, match="sample 6 is none of the 6 features"):
        metric.update((starts[:1], ends[:1]), None)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (np.zeros((2, 9, 2)), r"of 32 tokens, the model gives \(2, 9, 2\)"),
        ((np.zeros((2, 32)), np.zeros((1, 32))), r"gives \(2, 32\), \(1, 32\)"),
        (np.zeros((2, 32)), r"the model gives \(2, 32\)"),
        ((np.zeros(3), *logits((1, 1))), r"gives \(3,\), \(1, 32\), \(1, 32\)"),
        ((np.array([7]), *logits((1, 1))), "is none of the 2 features"),
    ],
)
def test_outputs_that_are_no_logits_are_named(
    files: tuple[Path, Path], outputs: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        squad(files).update(outputs, None)
    assert "max_seq_length" in caught.value.remedy


def test_files_that_are_missing_or_others_are_named(files: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match="leave no room"):
        squad(files, max_seq_length=5)
    files[0].write_text("{}")
    with pytest.raises(DataError, match="is not SQuAD's") as caught:
        squad(files)
    assert "SquadV1.label_file" in caught.value.remedy
    files[0].unlink()
    with pytest.raises(DataError, match=r"dev.json does not exist"):
        squad(files)
    files[1].unlink()
    with pytest.raises(DataError, match=r"vocab.txt does not exist"):
        squad(files)
