"""What a model section may be: one module of rules for each framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..model import FRAMEWORKS, ModelKeys
from ..section import Problem
from . import mxnet, onnx, pytorch, tensorflow

PROBLEMS: Mapping[str, Callable[[ModelKeys], Iterator[Problem]]] = {
    "pytorch": pytorch.problems,
    "tensorflow": tensorflow.problems,
    "mxnet": mxnet.problems,
    "onnx": onnx.problems,
}
"""Framework → the rules that a section breaks."""


class ModelSection(ModelKeys):
    """The model, how it is made and what goes in and out."""

    def problems(self) -> Iterator[Problem]:
        yield from PROBLEMS[FRAMEWORKS[self.framework]](self)
