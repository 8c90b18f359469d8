"""`model`: what is converted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import (
    Among,
    Dimension,
    Dtype,
    File,
    Names,
    PythonName,
    Refused,
    Text,
    settled,
    split,
)
from .section import Problem, Section

FRAMEWORKS: Mapping[str, str] = {
    "pytorch": "pytorch",
    "pytorch_fx": "pytorch",
    "pytorch_ipex": "pytorch",
}
"""The name written → ours."""

LATER = (
    "tensorflow",
    "tensorflow_itex",
    "mxnet",
    "onnx",
    "onnxrt_qlinearops",
    "onnxrt_qoperator",
    "onnxrt_qdq",
    "onnxrt_integerops",
)
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
PROGRAM = ".pt2"
NAMED = f"name the framework that the script is for: {', '.join(FRAMEWORKS)}"


def slug(name: str) -> str:
    """The model's name as a file name's stem: ASCII letters, digits, `_`, `.`, `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-")


def _name(name: str) -> str:
    if not name.isprintable():
        raise Refused("the name holds a control character", "use one printable line")
    if not slug(name):
        raise Refused(
            "the name makes no file name", "use at least one of A-Z, a-z, 0-9"
        )
    return name


def _weights(path: str) -> str:
    if PurePosixPath(path).suffix.lower() not in WEIGHTS:
        raise Refused(
            f"`{PurePosixPath(path).name}` is not a kind of weights that can be read",
            f"write a file that ends in {', '.join(WEIGHTS)}",
        )
    return path


def _program(path: str) -> str:
    name = PurePosixPath(path).name
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in WEIGHTS:
        raise Refused(
            f"`{name}` is no exported program: weights, a pickled module or TorchScript",
            "write `factory` and `weights` to make the original module, or the .pt2 "
            "that torch.export.save writes",
        )
    if suffix != PROGRAM:
        raise Refused(
            f"`{name}` is not a kind of model that can be read",
            f"write a file that ends in {PROGRAM}, as torch.export.save writes it",
        )
    return path


def _inputs(value: object) -> object:
    """Names alone, as Neural Compressor has them, → inputs."""
    items = split(value)
    if isinstance(items, tuple):
        return tuple({"name": i} if isinstance(i, str) else i for i in items)
    return items


def _is_part(part: str) -> bool:
    """Whether it is a key or the number of an element."""
    return part.isidentifier() or (part.isascii() and part.isdecimal())


class InputSection(Section):
    """One input of the model."""

    name: Annotated[Text, AfterValidator(settled)] = Field(
        description="The name of the argument of the model's forward; `batch.image` is "
        "a key of a dict argument, `pair.0` an element of a tuple."
    )
    shape: tuple[Dimension, ...] | None = Field(
        default=None,
        description="Sizes; a symbol such as `batch` stands for one that varies.",
    )
    dtype: Dtype = Field(
        default="float32", description="NumPy's name of the element type."
    )


class ModelSection(Section):
    """The model, how it is made and what goes in and out."""

    later: ClassVar[frozenset[str]] = frozenset({"runtime"})

    name: Annotated[str, Field(max_length=100), AfterValidator(_name)] = Field(
        description="The model's name; files that are written are called after it."
    )
    framework: Annotated[str, Among(tuple(FRAMEWORKS), LATER, {"NA": NAMED})] = Field(
        description="The framework that the model is trained in: pytorch."
    )
    path: Annotated[File, AfterValidator(_program)] | None = Field(
        default=None,
        description="An exported program, .pt2, in place of factory and weights.",
    )
    factory: PythonName | None = Field(
        default=None,
        description="A callable that makes the model, as `package.module:callable`.",
    )
    weights: Annotated[File, AfterValidator(_weights)] | None = Field(
        default=None,
        description="Trained weights: safetensors, or a state dict of plain tensors.",
    )
    trust: bool = Field(
        default=False,
        description="Unpickle what path or weights hold: code in them runs.",
    )
    inputs: Annotated[
        tuple[InputSection, ...],
        BeforeValidator(
            _inputs, json_schema_input_type=str | tuple[str | InputSection, ...]
        ),
    ] = Field(
        default=(),
        description="The inputs in the order that the dataset gives them.",
    )
    outputs: Names = Field(default=(), description="Names of the outputs, in order.")

    def problems(self) -> Iterator[Problem]:
        yield from self._source_problems()
        if not self.inputs:
            yield Problem(
                "pytorch needs `inputs`: names, shapes and dtypes",
                "inputs: [{name: x, shape: [batch, 3, 224, 224], dtype: float32}]",
            )
        yield from self._input_problems()

    def _source_problems(self) -> Iterator[Problem]:
        if self.path is None and self.factory is None:
            yield Problem(
                "pytorch needs `factory`, the callable that makes the model, or `path`",
                "factory: package.module:callable, or path: model.pt2",
            )
        if self.path is not None and self.factory is not None:
            message = "`path` and `factory` each give the whole model: write one"
            yield Problem(message, at=("path",))
        if self.path is not None and self.weights is not None:
            yield Problem(
                "`weights` goes with `factory`: an exported program holds its own",
                "leave it out",
                ("weights",),
            )
        pickled = self.path or self.weights or ""
        if self.trust and PurePosixPath(pickled).suffix.lower() in ("", WEIGHTS[0]):
            yield Problem(
                "`trust` is for files that may hold pickles; here is none",
                "leave it out",
                ("trust",),
            )

    def _input_problems(self) -> Iterator[Problem]:
        seen: set[str] = set()
        for row, item in enumerate(self.inputs):
            if item.shape is None:
                yield Problem(
                    f"pytorch needs the shape of `{item.name[:60]}`",
                    f"{{name: {item.name[:60]}, shape: [batch, ...], dtype: float32}}",
                    ("inputs", row),
                )
            first, *parts = item.name.split(".")
            if not (first.isidentifier() and all(map(_is_part, parts))):
                yield Problem(
                    f"`{item.name[:60]}` is not a Python name",
                    "write the argument's name in the model's forward, "
                    "`batch.image` for a key and `pair.0` for an element",
                    ("inputs", row, "name"),
                )
            if item.name in seen:
                message = f"the input `{item.name[:60]}` is named twice"
                yield Problem(message, at=("inputs", row, "name"))
            seen.add(item.name)
