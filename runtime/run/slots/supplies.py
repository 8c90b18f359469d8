"""What a script's command line supplies in place of what its spec names."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...common.errors import UsageError
from ...evaluation.data.supplied.named import named_object
from ...evaluation.data.supplied.supplied import named_data
from ...evaluation.metrics.given import given
from ...evaluation.metrics.metric import Metric

HELP = {
    "model": ("MODEL", "the trained model: its file or folder"),
    "data": ("DATA", "data to judge by: FILE.npz, or package.module:Dataset"),
    "metric": ("METRIC", "how outputs are judged: package.module:Metric"),
    "eval_func": ("FUNCTION", "scores a model: package.module:function"),
}


@dataclass(frozen=True)
class OpenedModel:
    """Opens what --model names; other processes open it for themselves.

    Attributes:
        open: The script's function.
    """

    open: Callable[[str], Any]
    source: str

    def __call__(self) -> Any:
        return self.open(self.source)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file or folder, where it is one."""
        path = Path(self.source)
        return (path.resolve(),) if path.exists() else ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The module, where a factory of the user's is named."""
        module, colon, _name = self.source.partition(":")
        return (module,) if colon and not self.files else ()


@dataclass(frozen=True)
class NamedMetric:
    """Makes what --metric names."""

    source: str

    def __call__(self) -> Metric:
        return given(named_object(self.source, "--metric"))()

    @property
    def modules(self) -> tuple[str, ...]:
        """The user's module."""
        return (self.source.partition(":")[0],)


@dataclass(frozen=True)
class Supplies:
    """The slots that a script leaves open.

    Attributes:
        open_model: Opens a model, where that is supplied.
        names: What `convert` takes beside the run.
    """

    open_model: Callable[[str], Any] | None
    names: tuple[str, ...]

    def add_options(self, parser: ArgumentParser) -> None:
        """An option for each slot; there is no conversion without a model."""
        for name in self.names:
            metavar, text = HELP[name]
            required = name == "model"
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, metavar=metavar, required=required, help=text)

    def arguments(self, given: Mapping[str, str | None]) -> dict[str, Any]:
        """The arguments of `convert`.

        Raises:
            UsageError: What was given names nothing of the kind.
        """
        makes: dict[str, Callable[[str], Any]] = {
            "model": self._model,
            "data": named_data,
            "metric": NamedMetric,
            "eval_func": partial(named_object, option="--eval-func"),
        }
        return {
            name: None if text is None else makes[name](text)
            for name, text in given.items()
        }

    def _model(self, source: str) -> OpenedModel:
        if self.open_model is None:
            raise UsageError("the script takes a model and does not say how it opens")
        return OpenedModel(self.open_model, source)
