"""Steps that are done to outputs and labels before a metric sees them."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from ...releases.libraries import TOKENIZERS
from ..fields import File, Flag, Size, Whole
from ..section import Section


class PostStep(Section):
    """One step.

    Attributes:
        packages: Requirements that it adds to the script's.
        shifts_labels: Whether it is about labels alone.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    shifts_labels: ClassVar[bool] = False

    @property
    def files(self) -> Mapping[str, str]:
        """What the script calls the files that it reads → their paths, as written."""
        return {}


class LabelShift(PostStep):
    """Subtracts a number from the labels."""

    shifts_labels = True
    label_shift: Whole = Field(default=0, description="What is subtracted.")


class Collect(PostStep):
    """Keeps the first samples."""

    length: Size = Field(default=10833, description="How many samples count.")


class ModelZooCollect(Collect):
    """Keeps the first samples of Model Zoo's BERT."""


class SquadV1(PostStep):
    """Makes answers of a BERT's logits, for SQuAD 1.1."""

    packages = (TOKENIZERS,)
    label_file: File = Field(description="SQuAD's JSON: contexts, questions, answers.")
    vocab_file: File = Field(description="The tokens of the model's WordPiece.")
    n_best_size: Size = Field(
        default=20, description="Starts and ends that are looked at."
    )
    max_seq_length: Size = Field(default=384, description="Tokens of a sample.")
    max_query_length: Size = Field(default=64, description="Tokens of a question.")
    max_answer_length: Size = Field(default=30, description="Tokens of an answer.")
    do_lower_case: Flag = Field(
        default=True, description="Whether the model reads lower case alone."
    )
    doc_stride: Size = Field(
        default=128, description="Tokens between two windows of a context."
    )

    @property
    def files(self) -> Mapping[str, str]:
        return {"QUESTIONS": self.label_file, "VOCABULARY": self.vocab_file}


class SquadV1ModelZoo(SquadV1):
    """Makes answers of the logits of Model Zoo's BERT."""
