"""PyTorch: a factory with weights, or an exported program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from ...reading.codes import Code
from ..model import ModelKeys
from ..section import Problem, Unsound
from .common import (
    absent,
    has_ending,
    input_names,
    is_supplied,
    no_text,
    path_or_factory,
    suffix,
    weights_ending,
)

SAFETENSORS = (".safetensors", ".safetensors.index.json")
"""One file, and the index of several."""

WEIGHTS = (*SAFETENSORS, ".pt", ".pth", ".bin")
PROGRAM = ".pt2"


def rules(model: ModelKeys) -> Iterator[Iterator[Problem]]:
    """The rules of the section."""
    yield _whole(model)
    yield weights_ending(model, WEIGHTS)
    yield _weights(model)
    yield _prefix(model)
    yield _trust(model)
    yield absent(model, ("runtime",), "is for onnx models")
    yield absent(model, ("signature",), "is for TensorFlow's SavedModels")
    yield _inputs(model)
    yield input_names(model)
    yield no_text(model)


def _whole(model: ModelKeys) -> Iterator[Problem]:
    """What gives the whole model."""
    found: tuple[Problem, ...] = ()
    with suppress(Unsound):
        found = tuple(_program(model))
    yield from found or path_or_factory(model)


def _weights(model: ModelKeys) -> Iterator[Problem]:
    if model.says("path") and model.says("weights"):
        yield Problem(
            "`weights` goes with `factory`: an exported program holds its own",
            "leave it out",
            ("weights",),
            code=Code.EFFECT,
        )


def _prefix(model: ModelKeys) -> Iterator[Problem]:
    if model.says("strip_prefix") and not model.says("weights"):
        yield Problem(
            "`strip_prefix` goes with `weights`: it is what their names begin with",
            "write weights, or leave it out",
            ("strip_prefix",),
        )


def _trust(model: ModelKeys) -> Iterator[Problem]:
    pickled = model.path or model.weights or ""
    plain = not suffix(pickled) or has_ending(pickled, SAFETENSORS)
    if model.trust and not is_supplied(model) and plain:
        yield Problem(
            "`trust` is for files that may hold pickles; here is none",
            "leave it out",
            ("trust",),
            code=Code.EFFECT,
        )


def _program(model: ModelKeys) -> Iterator[Problem]:
    if model.path is None:
        return
    name = PurePosixPath(model.path).name
    if has_ending(model.path, WEIGHTS):
        yield Problem(
            f"`{name}` is no exported program: weights, a pickled module or TorchScript",
            "write `factory` and `weights` to make the original module, or the .pt2 "
            "that torch.export.save writes",
            ("path",),
            code=Code.FILE,
        )
    elif suffix(model.path) != PROGRAM:
        yield Problem(
            f"`{name}` is not a kind of model that can be read",
            f"write a file that ends in {PROGRAM}, as torch.export.save writes it",
            ("path",),
            code=Code.FILE,
        )


def _inputs(model: ModelKeys) -> Iterator[Problem]:
    some = any(item.shape is not None for item in model.inputs)
    for row, item in enumerate(model.inputs):
        # Names alone are bound to what the data gives.
        if item.shape is None and some and not item.is_fixed:
            yield Problem(
                f"pytorch needs the shape of `{item.name[:60]}`",
                f"{{name: {item.name[:60]}, shape: [batch, ...], dtype: float32}}",
                ("inputs", row),
                code=Code.MISSING,
            )
        first, *parts = item.name.split(".")
        if not (first.isidentifier() and all(map(_is_part, parts))):
            yield Problem(
                f"`{item.name[:60]}` is not a Python name",
                "write the argument's name in the model's forward, "
                "`batch.image` for a key and `pair.0` for an element",
                ("inputs", row, "name"),
                code=Code.FORM,
            )


def _is_part(part: str) -> bool:
    """Whether it is a key or the number of an element."""
    return part.isidentifier() or (part.isascii() and part.isdecimal())
