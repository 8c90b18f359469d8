"""Text as numbers: tokenizers' files, and the tasks of GLUE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.text.glue import TASKS, read_glue
from narrowcast.runtime.evaluation.data.text.tokenizer import read_tokenizer

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
