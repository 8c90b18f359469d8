"""The dataset, chosen by its key."""

from __future__ import annotations

from pydantic import Field

from ..section import Block, Choice
from . import images, records
from .files import Csv, Npz
from .folders import Npy, Wav
from .random import Dummy, DummyV2, SparseDummyV2
from .tables import Jsonl, Parquet
from .text import Bert, Glue, MzBert


class DatasetSection(Choice):
    """The dataset, chosen by its key."""

    npz: Block[Npz] = Field(default=None, description="Arrays of a NumPy archive.")
    csv: Block[Csv] = Field(
        default=None, description="Numbers in text, one sample a row."
    )
    parquet: Block[Parquet] = Field(
        default=None, description="Rows of a Parquet file, or of a folder of them."
    )
    jsonl: Block[Jsonl] = Field(
        default=None, description="JSON lines, one sample a line."
    )
    npy: Block[Npy] = Field(default=None, description="A folder of `.npy` files.")
    wav: Block[Wav] = Field(default=None, description="A folder of WAV files.")
    dummy: Block[Dummy] = Field(
        default=None, description="Random samples of one shape or several."
    )
    dummy_v2: Block[DummyV2] = Field(
        default=None, description="Random samples of stated shapes."
    )
    sparse_dummy_v2: Block[SparseDummyV2] = Field(
        default=None, description="Random samples that end in zeros."
    )
    GLUE: Block[Glue] = Field(default=None, description="Sentences of a GLUE task.")
    bert: Block[Bert] = Field(
        default=None, description="Tokens for BERT, or SQuAD's questions."
    )
    mzbert: Block[MzBert] = Field(
        default=None, description="Tokens for Model Zoo's BERT."
    )
    CIFAR10: Block[images.CIFAR10] = Field(
        default=None, description="Images of CIFAR-10's files."
    )
    CIFAR100: Block[images.CIFAR100] = Field(
        default=None, description="Images of CIFAR-100's files."
    )
    MNIST: Block[images.MNIST] = Field(
        default=None, description="Digits of MNIST's files."
    )
    FashionMNIST: Block[images.FashionMNIST] = Field(
        default=None, description="Images of Fashion-MNIST's files."
    )
    ImageFolder: Block[images.ImageFolder] = Field(
        default=None, description="Images, a folder for each class."
    )
    ImagenetRaw: Block[images.ImagenetRaw] = Field(
        default=None, description="Images, a list names their classes."
    )
    Imagenet: Block[images.Imagenet] = Field(
        default=None, description="Images of ImageNet, in folders or in TFRecord files."
    )
    COCORaw: Block[images.COCORaw] = Field(
        default=None, description="Images of COCO and their annotations."
    )
    COCONpy: Block[images.COCONpy] = Field(
        default=None, description="Images of COCO as arrays."
    )
    style_transfer: Block[images.StyleTransfer] = Field(
        default=None, description="Pairs of content and style images."
    )
    TFRecordDataset: Block[records.TFRecordDataset] = Field(
        default=None, description="Records of TFRecord files."
    )
    ImageRecord: Block[records.ImageRecord] = Field(
        default=None, description="Images of ImageNet in TFRecord files."
    )
    COCORecord: Block[records.COCORecord] = Field(
        default=None, description="Images of COCO in TFRecord files."
    )
    VOCRecord: Block[records.VOCRecord] = Field(
        default=None, description="Images of Pascal VOC in TFRecord files."
    )
