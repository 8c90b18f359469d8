"""Text as numbers: tokenizers' files, and the tasks of GLUE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tfrecords import example, write_records
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.files.jsonl import read_jsonl
from narrowcast.runtime.evaluation.data.text.features import read_features
from narrowcast.runtime.evaluation.data.text.glue import TASKS, read_glue
from narrowcast.runtime.evaluation.data.text.squad import read_squad
from narrowcast.runtime.evaluation.data.text.tokenized import tokenized
from narrowcast.runtime.evaluation.data.text.tokenizer import read_tokenizer
from narrowcast.runtime.evaluation.data.text.trimmed import Trimmed, trimmed

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "he", "ran", "she", "##s", "He"]
PAD, UNK, CLS, SEP, _MASK, HE, RAN, SHE, S, CAPITAL = range(len(WORDS))


def vocabulary(folder: Path) -> Path:
    path = folder / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return path


def stored(folder: Path, **settings: Any) -> Path:
    """The same as a tokenizer.json."""
    made = tokenizers.BertWordPieceTokenizer(str(vocabulary(folder)), **settings)
    path = folder / "tokenizer.json"
    made.save(str(path))
    return path


# Tokenizers


def test_texts_are_filled_up_and_cut(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(vocabulary(tmp_path), length=6)
    assert [part.tolist() for part in tokenizer("he runs")] == [
        [CLS, HE, UNK, SEP, PAD, PAD],
        [1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    assert [part.tolist() for part in tokenizer("he ran he ran he", "She")] == [
        [CLS, HE, RAN, SEP, SHE, SEP],
        [1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 1],
    ]


@pytest.mark.parametrize(
    ("stored_as", "asked", "found"),
    [
        (True, None, HE),
        (True, False, CAPITAL),
        (False, None, CAPITAL),
        (False, True, HE),
    ],
)
def test_the_file_says_what_becomes_of_capitals_unless_one_asks(
    tmp_path: Path, stored_as: bool, asked: bool | None, found: int
) -> None:
    stored(tmp_path, lowercase=stored_as)
    tokenizer = read_tokenizer(tmp_path, length=3, lower_case=asked)
    assert tokenizer.path.name == "tokenizer.json"
    assert tokenizer("He")[0].tolist() == [CLS, found, SEP]


def test_what_fills_up_is_the_files_own(tmp_path: Path) -> None:
    made = tokenizers.Tokenizer(WordLevel({"<unk>": 0, "a": 1, "<pad>": 2}, "<unk>"))
    made.pre_tokenizer = Whitespace()
    path = tmp_path / "own.json"
    made.save(str(path))
    assert read_tokenizer(path, length=3)("a")[0].tolist() == [1, 2, 2]
    with pytest.raises(DataError, match="is not BERT's"):
        read_tokenizer(path, length=3, lower_case=True)
    made.enable_padding(pad_id=7, length=9)
    made.save(str(path))
    assert read_tokenizer(path, length=3)("a b")[0].tolist() == [1, 0, 7]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bert-base-uncased", None, "the tokenizer .*bert-base-uncased does not exist"),
        ("tokenizer.json", "{}", "tokenizer.json is no tokenizer"),
        ("vocab.txt", "he\n", "vocab.txt is no tokenizer"),
        (".", None, "holds neither tokenizer.json nor vocab.txt"),
    ],
)
def test_what_is_no_tokenizer(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as refused:
        read_tokenizer(path, length=3)
    assert "Nothing is downloaded" in refused.value.remedy


def test_texts_of_any_dataset_are_tokenised(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": "he", "b": "ran", "n": 1, "y": 2}\n')
    vocab = vocabulary(tmp_path)
    rows = read_jsonl(path, inputs=("a", "b"), label="y")
    found = tokenized(rows, vocab, length=6, segments=False)
    (ids, mask), label = found[0]
    assert ids.tolist() == [CLS, HE, SEP, RAN, SEP, PAD]
    assert (len(found), mask.sum(), label) == (1, 5, 2)
    assert found.files == (path, vocab)
    for inputs in (("n",), ("a", "b", "a")):
        rows = read_jsonl(path, inputs=inputs, label="y")
        with pytest.raises(DataError, match="a tokenizer takes a text or two"):
            tokenized(rows, vocab, length=6)[0]


def test_batches_are_cut_to_their_longest(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    texts = ["he", "he ran", "she", "he he he he"]
    path.write_text("".join(json.dumps({"t": text}) + "\n" for text in texts))
    rows = read_jsonl(path, inputs=("t",), label=None)
    data = Trimmed(tokenized(rows, vocabulary(tmp_path), length=5))
    shapes = [inputs[0].shape for inputs, _labels in data.batches(2)]
    assert shapes == [(2, 4), (2, 5)]
    for inputs, _labels in data.batches(2):
        assert len({each.shape for each in inputs}) == 1
    assert data.batch(range(1))[0][2].shape == (1, 3)
    empty = np.zeros((2, 4), np.int64)
    assert trimmed(((empty, empty), None))[0][0].shape == (2, 1)


# Records


def test_records_of_tokens_are_samples(tmp_path: Path) -> None:
    features = {"input_ids": [CLS, HE], "input_mask": [1, 1], "segment_ids": [0, 1]}
    path = tmp_path / "eval.tf_record"
    records = [features | {"unique_ids": [7]}, features | {"label_ids": [1]}]
    write_records(path, map(example, records))
    found = read_features(path, inputs=tuple(features), label="unique_ids")
    inputs, label = found[0]
    assert [each.tolist() for each in inputs] == [[CLS, HE], [1, 1], [0, 1]]
    assert (len(found), label, found[1][1]) == (2, 7, 10**9 + 1)
    assert found.files == (path,)
    two = read_features(path, inputs=("input_ids",), label="label_ids")
    assert two[1][1] == 1
    with pytest.raises(DataError, match=r"record 0 has no whole numbers .* label_ids"):
        two[0]
    write_records(path, [b"\xff"])
    with pytest.raises(DataError, match=r"record 0 is no tf.train.Example"):
        read_features(path, inputs=("input_ids",), label="unique_ids")[0]


# SQuAD


def asked(folder: Path, context: str, *questions: str, **others: Any) -> Path:
    """SQuAD's file of one paragraph."""
    answers = [{"text": "he", "answer_start": 0}]
    made = [
        {"id": f"q{k}", "question": text, "answers": answers}
        for k, text in enumerate(questions)
    ]
    article = {"paragraphs": [{"context": context, "qas": made}]}
    path = folder / "dev.json"
    path.write_text(json.dumps({"version": "1.1", "data": [article]} | others))
    return path


@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(10, 24),
    st.integers(1, 8),
    st.integers(1, 4),
)
@settings(max_examples=40)
def test_windows_cover_the_paragraph(
    tmp_path_factory: pytest.TempPathFactory,
    words: int,
    asking: int,
    length: int,
    stride: int,
    most: int,
) -> None:
    folder = tmp_path_factory.mktemp("squad")
    context = "  ".join(["he", "ran"][k % 2] for k in range(words))
    path = asked(folder, context, " ".join(["she"] * asking), "she")
    found = read_squad(
        path, vocabulary(folder), length=length, stride=stride, question_length=most
    )
    for number, taken in enumerate((min(asking, most), 1)):
        windows = [each for each in found.windows if each.question == number]
        room = length - taken - 3
        # As BERT's run_squad.py: each begins `stride` further until one reaches the end.
        begins = [0]
        while begins[-1] + room < words:
            begins.append(begins[-1] + min(stride, room))
        assert len(windows) == len(begins)
        for begin, window in zip(begins, windows, strict=True):
            part = context.split()[begin : begin + room]
            ids = [HE if word == "he" else RAN for word in part]
            assert window.ids.tolist() == [CLS, *[SHE] * taken, SEP, *ids, SEP]
            assert window.segments.tolist() == [0] * (taken + 2) + [1] * (len(ids) + 1)
            spans = window.places[window.places[:, 0] >= 0]
            assert [context[i:j] for i, j in spans.tolist()] == part


def test_squads_samples_are_windows_by_number(tmp_path: Path) -> None:
    path = asked(tmp_path, "he ran he ran", "She", "he")
    found = read_squad(path, vocabulary(tmp_path), length=8, segments=False)
    (ids, mask), label = found[0]
    assert ids.tolist() == [CLS, SHE, SEP, HE, RAN, HE, RAN, SEP]
    assert (mask.sum(), label, found[1][1]) == (8, 10**9, 10**9 + 1)
    assert [(each.id, each.answers) for each in found.questions] == [
        ("q0", ("he",)),
        ("q1", ("he",)),
    ]
    assert found.files == (path, tmp_path / "vocab.txt")
    with pytest.raises(DataError, match="leave no room beside a question of 1"):
        read_squad(path, vocabulary(tmp_path), length=4)


def test_files_that_are_not_squads(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist") as refused:
        read_squad(tmp_path / "none.json", vocabulary(tmp_path))
    assert "SQuAD-explorer" in refused.value.remedy
    for content in ("{", "[]", '{"data": [1]}'):
        (tmp_path / "dev.json").write_text(content)
        with pytest.raises(DataError, match=r"dev.json is not SQuAD's"):
            read_squad(tmp_path / "dev.json", vocabulary(tmp_path))


# GLUE

ROWS = {
    "cola": ("s\t1\t*\the ran\n", [HE, RAN], 1),
    "mnli": ("h\n" + "\t" * 8 + "he\tran\t\tneutral\n", [HE, SEP, RAN], 2),
    "mnli-mm": ("h\n" + "\t" * 8 + "he\tran\t\tentailment\n", [HE, SEP, RAN], 1),
    "mrpc": ('h\n0\t1\t2\the\t"ran\n', [HE, SEP, UNK, RAN], 0),
    "qnli": ("h\n0\the\tran\tnot_entailment\n", [HE, SEP, RAN], 1),
    "qqp": ("h\n0\t\n0\t1\t2\the\tran\t1\n", [HE, SEP, RAN], 1),
    "rte": ("h\n0\the\tran\tentailment\n", [HE, SEP, RAN], 0),
    "sst-2": ("h\nhe ran\t1\n", [HE, RAN], 1),
    "sts-b": ("h\n" + "\t" * 7 + "he\tran\t3.8\n", [HE, SEP, RAN], np.float32(3.8)),
    "wnli": ("h\n0\the\tran\t1\n", [HE, SEP, RAN], 1),
}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_file_and_columns(tmp_path: Path, task: str) -> None:
    content, tokens, label = ROWS[task]
    (tmp_path / TASKS[task].files[0]).write_text(content)
    found = read_glue(tmp_path, vocabulary(tmp_path), task=task, length=8)
    assert len(found) == 1
    (ids, mask, segments), of_it = found[0]
    used = int(mask.sum())
    assert ids[:used].tolist() == [CLS, *tokens, SEP]
    assert segments.any() == (len(TASKS[task].texts) == 2)
    assert of_it == label
    assert found.files == (tmp_path / TASKS[task].files[0], tmp_path / "vocab.txt")


def test_glue_as_another_model_takes_it(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("h\n" + "\t" * 8 + "he\tran\t\tneutral\n")
    found = read_glue(
        tmp_path,
        vocabulary(tmp_path),
        task="mnli",
        length=8,
        segments=False,
        evaluate=False,
        swapped=True,
    )
    inputs, label = found[0]
    assert (len(inputs), label) == (2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "dev.tsv does not exist"),
        ("h\n", "dev.tsv holds no sample"),
        ("h\n0\t1\t2\the\n", "line 2 has 4 columns"),
        ("h\n?\t1\t2\the\tran\n", "line 2: the label is '?', not one of 0, 1"),
    ],
)
def test_files_that_are_not_glues(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "dev.tsv").write_text(content)
    with pytest.raises(DataError) as refused:
        read_glue(tmp_path, vocabulary(tmp_path), task="mrpc", length=8)[0]
    assert message in str(refused.value)
