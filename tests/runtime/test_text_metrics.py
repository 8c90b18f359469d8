"""BLEU and F1 of answers."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.metrics.text.bleu import BLEU
from narrowcast.runtime.evaluation.metrics.text.squad_f1 import SquadF1, f1_of_words

SENTENCE = st.lists(
    st.sampled_from(["red", "Red", "cat,", "sat.", "mat", "on", "2,5", "%"]), min_size=5
)


def n_grams(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[k : k + order]) for k in range(len(words) - order + 1))


def brute_force(found: list[str], wanted: list[str]) -> float:
    """BLEU's definition (Papineni et al., 2002) with halved counts for no match."""
    split = sacrebleu.tokenizers.tokenizer_intl.TokenizerV14International()
    a, b = ([split(text.lower()).split() for text in each] for each in (found, wanted))
    logs, smooth = [], 1.0
    for order in (1, 2, 3, 4):
        pairs = [
            (n_grams(x, order), n_grams(y, order)) for x, y in zip(a, b, strict=True)
        ]
        right = sum((x & y).total() for x, y in pairs)
        total = sum(x.total() for x, _ in pairs)
        if not right:
            smooth *= 2
        logs.append(math.log((right or 1 / smooth) / total))
    lengths = [sum(map(len, each)) for each in (a, b)]
    brevity = min(0.0, 1 - lengths[1] / lengths[0])
    return 100 * math.exp(sum(logs) / 4 + brevity)


@settings(max_examples=25)
@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=4))
def test_bleu_is_its_definition(pairs: list[tuple[list[str], list[str]]]) -> None:
    found, wanted = (
        [" ".join(text) for text in each] for each in zip(*pairs, strict=True)
    )
    metric = BLEU()
    metric.update(np.array([each.encode() for each in found]), wanted)
    score = metric.result()
    assert score == pytest.approx(
        sacrebleu.corpus_bleu(found, [wanted], lowercase=True, tokenize="intl").score
    )
    if any(
        n_grams(w.lower().split(), 1) & n_grams(f.lower().split(), 1)
        for f, w in zip(found, wanted, strict=True)
    ):
        assert score == pytest.approx(brute_force(found, wanted))


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (np.zeros(2), ["a", "b"], "outputs are no texts .0.0 in sample 0 of a batch."),
        (["a", "b"], ["a", None], "labels are missing .None in sample 1 of a batch."),
        (["a", "b"], ["a"], "gives 2 texts, the data has 1"),
        (["a"], None, "BLEU needs labels"),
    ],
)
def test_bleu_takes_texts(found: Any, wanted: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        BLEU().update(found, wanted)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("The cat!", "a  CAT", 1),
        ("the cat sat", "cat sat down", 0.8),
        ("cat cat cat", "cat", 0.5),
        ("dog", "cat", 0),
        ("", "cat", 0),
        ("the", "a", 0),
    ],
)
def test_f1_of_words(found: str, wanted: str, expected: float) -> None:
    assert f1_of_words(found, wanted) == pytest.approx(expected)


def test_the_best_of_several_answers_counts() -> None:
    metric = SquadF1()
    metric.update(np.array(["red cat", "all"]), [["dog", "a red cat"], "nothing"])
    assert metric.result() == 50
    metric.reset()
    metric.update(np.array(["red cat"], object), [["a red cat"]])
    assert metric.result() == 100


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (["cat"], None, "needs labels"),
        (["cat"], ["cat", "dog"], "gives 1, the data has 2"),
        (np.zeros(1), ["cat"], "outputs are no texts"),
        (["cat"], [1], "labels are no texts"),
    ],
)
def test_squad_f1_names_what_does_not_fit(found: Any, wanted: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        SquadF1().update(found, wanted)


def test_no_question_is_no_score() -> None:
    with pytest.raises(DataError, match="no question to judge"):
        SquadF1().result()
