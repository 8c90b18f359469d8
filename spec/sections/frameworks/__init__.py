"""What a model section may be: one module of rules for each framework."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from ..model import FRAMEWORKS, ModelKeys
from ..section import Problem, Unsound
from . import mxnet, onnx, pytorch, tensorflow

RULES: Mapping[str, Callable[[ModelKeys], Iterator[Iterator[Problem]]]] = {
    "pytorch": pytorch.rules,
    "tensorflow": tensorflow.rules,
    "mxnet": mxnet.rules,
    "onnx": onnx.rules,
}
"""Framework → the rules of a section, each with what of it breaks it."""


class ModelSection(ModelKeys):
    """The model, how it is made and what goes in and out."""

    def rules(self) -> Iterator[Iterator[Problem]]:
        with suppress(Unsound):
            yield from RULES[FRAMEWORKS[self.framework]](self)
