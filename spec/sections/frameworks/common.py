"""Rules of a model section that more than one framework has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ...reading.codes import Code
from ..fields import STRING
from ..model import FRAMEWORKS, ModelKeys
from ..section import Problem


def suffix(path: str) -> str:
    """The ending of a file's name, in lower case: `.pt2`."""
    return PurePosixPath(path).suffix.lower()


def has_ending(path: str, endings: Sequence[str]) -> bool:
    """Whether the file's name has one of the endings, and something before it."""
    return PurePosixPath(path).name.lower()[1:].endswith(tuple(endings))


def path_or_factory(model: ModelKeys) -> Iterator[Problem]:
    """The model is in a file, made by a factory, or supplied whole to the script."""
    if model.says("path") and model.says("factory"):
        message = "`path` and `factory` each give the whole model: write one"
        yield Problem(message, at=("path",))
    if is_supplied(model) and model.says("weights"):
        yield Problem(
            "weights alone: nothing says whose they are",
            "write the model they belong to, or leave both to the script's --model",
            ("weights",),
            code=Code.MISSING,
        )


def is_supplied(model: ModelKeys) -> bool:
    """Whether the section names no model."""
    return not (model.says("path") or model.says("factory"))


def weights_ending(model: ModelKeys, endings: Sequence[str]) -> Iterator[Problem]:
    """Weights are in a kind of file that can be read."""
    path = model.weights
    if path is not None and not has_ending(path, endings):
        yield Problem(
            f"`{PurePosixPath(path).name}` is not a kind of weights that can be read",
            f"write a file that ends in {', '.join(endings)}",
            ("weights",),
            code=Code.FILE,
        )


def trusted_file(model: ModelKeys) -> Iterator[Problem]:
    """A model that code makes is no file to be trusted."""
    made = not model.says("path") and model.says("factory")
    if made and model.trust:
        message = "`trust` is for models in files; here code of yours makes it"
        yield Problem(message, "leave it out", ("trust",), code=Code.EFFECT)


def absent(model: ModelKeys, keys: Sequence[str], why: str) -> Iterator[Problem]:
    """Keys that mean nothing for this framework or form of model."""
    for key in keys:
        if model.says(key):
            yield Problem(f"`{key}` {why}", "leave it out", (key,), code=Code.ABILITY)


def input_names(model: ModelKeys) -> Iterator[Problem]:
    """No input is named twice, and names are printable."""
    seen: set[str] = set()
    for row, item in enumerate(model.inputs):
        at = ("inputs", row, "name")
        if not item.name.isprintable():
            yield Problem(
                "the name of an input holds a control character",
                "write the name as the model has it",
                at,
                code=Code.FORM,
            )
        if item.name in seen:
            message = f"the input `{item.name[:60]}` is named twice"
            yield Problem(message, at=at)
        seen.add(item.name)


def no_text(model: ModelKeys) -> Iterator[Problem]:
    """No input is text, of which the framework has no tensors."""
    for row, item in enumerate(model.inputs):
        if item.dtype == STRING:
            yield Problem(
                f"{FRAMEWORKS[model.framework]} has no tensors of text",
                "give what the model takes: the numbers that stand for it",
                ("inputs", row, "dtype"),
                code=Code.ABILITY,
            )


def no_null(model: ModelKeys) -> Iterator[Problem]:
    """No input is null: a graph takes tensors alone."""
    for row, item in enumerate(model.inputs):
        if item.is_fixed and item.value is None:
            yield Problem(
                "null is no tensor: only arguments of PyTorch's forward() may be left out",
                "write a number, or leave the input out if the model does not have it",
                ("inputs", row, "value"),
                code=Code.ABILITY,
            )
