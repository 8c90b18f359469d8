"""Neural Compressor's datasets of text: GLUE's tasks, and what BERT reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ...reading.codes import Code
from ...releases.libraries import TOKENIZERS
from ..fields import File, Flag, Known, Size
from ..marks import LEAVE, unused
from ..section import Block, Note, Problem, Section
from .counting import held
from .dataset import BuiltInDataset

TASKS = (
    *("mrpc", "qqp", "qnli", "rte", "sts-b", "cola", "mnli", "mnli-mm", "wnli"),
    "sst-2",
)
SEGMENTED = frozenset({"bert", "xlnet"})
"""Models that take which text a token is of."""


ANSWERS = "is not read: postprocess names the answers by a label_file of its own"


def _small(value: object) -> object:
    """Neural Compressor takes these words in capitals, too."""
    return value.lower() if isinstance(value, str) else value


SMALL = BeforeValidator(_small)

Task = Annotated[str, SMALL, Known(TASKS)]
GlueModel = Annotated[
    str, SMALL, Known(("bert", "distilbert", "mobilebert", "roberta"))
]
BertTask = Annotated[str, SMALL, Known(("squad", "classifier"))]
BertModel = Annotated[
    str,
    SMALL,
    Known(("bert", "distilbert", "mobilebert", "roberta", "xlnet", "xlm")),
]


class Glue(BuiltInDataset):
    """Sentences of a task of GLUE, as tokens."""

    packages = (TOKENIZERS,)
    data_dir: File = Field(description="The folder of the task's files.")
    model_name_or_path: File = Field(
        description="The tokenizer: a tokenizer.json or vocab.txt, or its folder. "
        "Nothing is downloaded by name."
    )
    max_seq_length: Size = Field(
        default=128, description="Tokens of a sample: longer ones are cut."
    )
    do_lower_case: Flag | None = Field(
        default=None,
        description="Whether capitals become small; left out, as the tokenizer says.",
    )
    task: Task = Field(
        default="mrpc",
        description="The task: mrpc, qqp, qnli, rte, sts-b, cola, mnli, mnli-mm, wnli, "
        "sst-2.",
    )
    model_type: GlueModel = Field(
        default="bert",
        description="bert takes input ids, attention mask and segments; others no "
        "segments.",
    )
    dynamic_length: Flag = Field(
        default=False,
        description="Whether a batch is as long as its longest sample, not "
        "max_seq_length.",
    )
    evaluate: Flag = Field(
        default=True, description="Whether dev.tsv is read, not train.tsv."
    )

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.data_dir, "TOKENIZER": self.model_name_or_path}

    @property
    def segments(self) -> bool:
        """Whether the model takes which text a token is of."""
        return self.model_type == "bert"

    @property
    def swapped(self) -> bool:
        """Whether labels are in RoBERTa's order."""
        return self.model_type == "roberta" and self.task.startswith("mnli")

    @property
    def arrays(self) -> int:
        return 2 + self.segments

    def input_problems(self, named: int) -> Iterator[Problem]:
        yield from held(self.arrays, named, "arrays of a tokenizer")


class Features(BuiltInDataset):
    """Tokens of questions or sentences, as BERT's scripts put them into TFRecord files."""

    root: File | None = Field(
        default=None,
        description="The TFRecord file, with input_ids, input_mask, segment_ids, and "
        "unique_ids or label_ids.",
    )
    task: BertTask = Field(
        default="squad",
        description="squad: the label is the number of a window (unique_ids); "
        "classifier: the class (label_ids).",
    )
    model_type: BertModel = Field(
        default="bert",
        description="bert and xlnet take input ids, mask and segments; others no "
        "segments.",
    )

    @property
    def files(self) -> Mapping[str, str]:
        return {} if self.root is None else {"DATA": self.root}

    @property
    def named(self) -> bool:
        return self.root is not None

    @property
    def segments(self) -> bool:
        """Whether the model takes which text a token is of."""
        return self.model_type in SEGMENTED

    def notes(self) -> Iterator[Note]:
        if not self.named:
            yield Note(
                (),
                "names no file: samples are supplied (--data)",
                "write root",
                code=Code.MEANING,
            )

    @property
    def arrays(self) -> int:
        return 2 + self.segments

    def input_problems(self, named: int) -> Iterator[Problem]:
        if self.named:
            yield from held(self.arrays, named, "arrays of tokens")


class MzBert(Features):
    """Tokens as Intel's Model Zoo puts them into a TFRecord file."""

    label_file: Any = unused(None, "SQuAD's JSON of answers.", ANSWERS)
    num_cores: Any = unused(28, "Files that are read at once.")


class Bert(Features):
    """Tokens in a TFRecord file; or SQuAD's questions, and a tokenizer that reads them."""

    dataset: Any = unused(
        None,
        "Samples, in Python alone.",
        "is no file: name one by root, or give the samples with --data",
    )
    label_file: File | None = Field(
        default=None,
        description="SQuAD's JSON of questions and answers, which a tokenizer reads.",
    )
    tokenizer: File | None = Field(
        default=None,
        description="A tokenizer.json or vocab.txt, or its folder, which reads the "
        "questions of label_file where there is no root.",
    )
    max_seq_length: Size = Field(default=384, description="Tokens of a sample.")
    doc_stride: Size = Field(
        default=128,
        description="Tokens from the beginning of a paragraph's window to that of its "
        "next.",
    )
    max_query_length: Size = Field(
        default=64, description="The most tokens of a question that are taken."
    )
    do_lower_case: Flag | None = Field(
        default=None,
        description="Whether capitals become small; left out, as the tokenizer says.",
    )

    def notes(self) -> Iterator[Note]:
        yield from super().notes()
        if self.root is not None and self.label_file is not None:
            yield Note(("label_file",), ANSWERS, LEAVE)

    @property
    def requirements(self) -> tuple[str, ...]:
        return (TOKENIZERS,) if self.asks else ()

    @property
    def asks(self) -> bool:
        """Whether a tokenizer reads questions."""
        return self.tokenizer is not None and self.label_file is not None

    @property
    def named(self) -> bool:
        return self.root is not None or self.asks

    @property
    def files(self) -> Mapping[str, str]:
        if self.root is None and self.tokenizer and self.label_file:
            return {"DATA": self.label_file, "TOKENIZER": self.tokenizer}
        return super().files

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._one_source()
        yield self._tokenised()

    def _one_source(self) -> Iterator[Problem]:
        if self.tokenizer is None:
            return
        if self.root is not None:
            message = "root holds tokens already"
            yield Problem(
                message, "leave out one of them", ("tokenizer",), code=Code.CHOICE
            )
        elif self.label_file is None or self.task != "squad":
            message = "it reads the questions of label_file, of task squad"
            hint = "write label_file; texts of your own are a dataset jsonl or parquet"
            yield Problem(message, hint, ("tokenizer",))

    def _tokenised(self) -> Iterator[Problem]:
        if self.tokenizer is not None:
            return
        keys = ("max_seq_length", "doc_stride", "max_query_length", "do_lower_case")
        for key in keys:
            if key in self.model_fields_set:
                message = "only a tokenizer goes by it"
                yield Problem(
                    message, "write `tokenizer: vocab.txt`", (key,), code=Code.EFFECT
                )


class Catalogue(Section):
    """What `dataset` can name of these."""

    GLUE: Block[Glue] = Field(default=None, description="Sentences of a GLUE task.")
    bert: Block[Bert] = Field(
        default=None, description="Tokens for BERT, or SQuAD's questions."
    )
    mzbert: Block[MzBert] = Field(
        default=None, description="Tokens for Model Zoo's BERT."
    )
