"""Neural Compressor's MixedPrecision, which generates a script and calls it.

What the script leaves open is supplied from Python: the model, the data, the metric or a
function that scores a model. `script` is its text, to be committed and run by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.suggestion import suggestion
from narrowcast.runtime.common.telling.progress import printable
from narrowcast.runtime.evaluation.data.supplied.collating import said
from narrowcast.runtime.evaluation.data.supplied.loaders import Loader, loader
from narrowcast.runtime.evaluation.metrics.given import given

from .calling import Supplied, called, made_metric, place
from .common import Metric, Model
from .detecting import framework_of, name_of
from .ends import refusals
from .result import Result
from .writing import (
    FRAMEWORK,
    NO_FRAMEWORK,
    Generated,
    Set,
    generated,
    names_in,
    written,
)

NAME = ("model", "name")
PRECISIONS = ("mixed_precision", "precisions")
WORKSPACE = "tuning.workspace"
DIRECTION = ("tuning", "accuracy_criterion", "higher_is_better")


class MixedPrecision:
    """Converts a model to bf16 or fp16 where its accuracy allows it.

    Args:
        conf: The path of a YAML file, a dict of the same keys, an object that has them
            as `usr_cfg`, or nothing.

    Raises:
        NarrowcastError: What is given can't be used. Where nobody catches it, the
            process says so and ends with the exit code of the command line: 2, or 3
            where machine or framework lack what the precision needs. So it is with all
            that is set here.
    """

    def __init__(self, conf: Any = None) -> None:
        with refusals():
            self._written = written(conf)
        self._precisions: list[str] | None = None
        self._model: Any = None
        self._input: Any = None
        self._output: Any = None
        self._metric: Any = None
        self._postprocess: Any = None
        self._loader: Loader | None = None
        self._eval_dataloader: Any = None
        self._eval_func: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        return "MixedPrecision"

    def __setattr__(self, name: str, value: Any) -> None:
        known = [each for each in dir(type(self)) if not each.startswith("_")]
        if name not in known and not name.startswith("_"):
            # A setting that is misspelt would be without effect.
            said = f"MixedPrecision has no `{name}`. {suggestion(name, known)}"
            raise AttributeError(said)
        super().__setattr__(name, value)

    def __call__(self) -> Result:
        """Convert the model.

        Returns:
            What was converted. It is false where the criterion was missed.

        Raises:
            NarrowcastError: It is refused: nothing was written.
        """
        from narrowcast.spec import format_diagnostic

        with refusals():
            script = self._generated()
            if self._eval_func is not None and self._metric is not None:
                _say("note: eval_func scores the model, metric has no effect beside it")
            for notice in script.spec.notices:
                if not notice.path.startswith(WORKSPACE):  # no word to a script
                    _say(format_diagnostic(notice))
            where = place(self._text("path"), self._text("resume"))
            try:
                outcome = called(script, self._supplied(script), where)
            except BaseException:
                where.discard()
                raise
        result = Result(script.text, outcome, where)
        if not result:
            _say(
                f"warning: {result.missed}. The result is false and not saved: "
                "save(path, anyway=True) saves it all the same."
            )
        return result

    fit = __call__

    @property
    def script(self) -> str:
        """The script that converts the model, to be committed.

        Raises:
            NarrowcastError: The spec can't be used, or nothing says the framework yet.
        """
        with refusals():
            return self._generated().text

    @property
    def spec(self) -> str:
        """The spec as YAML where no file has it, as code completes it; else ""."""
        with refusals():
            return self._generated().yaml

    @property
    def precisions(self) -> list[str]:
        """The precisions that ops may have, sorted."""
        if self._precisions is not None:
            return self._precisions
        return sorted(names_in(self._written.at(*PRECISIONS) or "bf16"))

    @precisions.setter
    def precisions(self, value: Any) -> None:
        with refusals():
            self._precisions = sorted(names_in(value))

    @property
    def model(self) -> Any:
        """The trained model: its path, or the framework's object."""
        return self._model

    @model.setter
    def model(self, value: Any) -> None:
        self._model = value.root if isinstance(value, Model) else value

    @property
    def input(self) -> Any:
        """Names of the model's inputs: a list, or one text with commas."""
        return self._input

    @input.setter
    def input(self, value: Any) -> None:
        with refusals():
            names_in(value)
        self._input = value

    @property
    def output(self) -> Any:
        """Names of the outputs that are kept: a list, or one text with commas."""
        return self._output

    @output.setter
    def output(self, value: Any) -> None:
        with refusals():
            names_in(value)
        self._output = value

    @property
    def metric(self) -> Any:
        """What judges: an object with update, reset and result, or common.Metric."""
        return self._metric

    @metric.setter
    def metric(self, value: Any) -> None:
        with refusals():
            if not isinstance(value, Metric):
                given(value)
        self._metric = value

    @property
    def postprocess(self) -> Any:
        """What is called with (predictions, labels) before the metric sees them."""
        return self._postprocess

    @postprocess.setter
    def postprocess(self, value: Any) -> None:
        with refusals():
            if not callable(value):
                raise UsageError(
                    f"the postprocess is {said(value)}, which can't be called",
                    "Give common.Postprocess(Class), or a function of the pair.",
                )
        self._postprocess = value

    @property
    def eval_dataloader(self) -> Any:
        """The data: what gives batches of (inputs, labels), again and again."""
        return self._eval_dataloader

    @eval_dataloader.setter
    def eval_dataloader(self, value: Any) -> None:
        with refusals():
            self._loader = loader(value)
        self._eval_dataloader = value

    @property
    def eval_func(self) -> Callable[[Any], Any] | None:
        """Takes the framework's model and returns its accuracy."""
        return self._eval_func

    @eval_func.setter
    def eval_func(self, value: Callable[[Any], Any]) -> None:
        with refusals():
            if not callable(value):
                raise UsageError(
                    f"eval_func is {said(value)}, which can't be called",
                    "Give a function: eval_func(model) -> accuracy.",
                )
        self._eval_func = value

    def _generated(self) -> Generated:
        return generated(self._written, Set(self._values(), frozenset(self._slots())))

    def _values(self) -> Mapping[tuple[str, ...], Any]:
        """What code says in place of the spec."""
        found: dict[tuple[str, ...], Any] = {}
        at = self._written.at
        if at(*FRAMEWORK) in NO_FRAMEWORK:
            found[FRAMEWORK] = framework_of(self._known_model())
        if at(*NAME) is None:
            found[NAME] = name_of(self._known_model())
        if self._precisions is not None:
            found[PRECISIONS] = self._precisions
        for key, value in (("inputs", self._input), ("outputs", self._output)):
            if value is not None:
                found["model", key] = names_in(value)
        higher = getattr(self._metric, "higher_is_better", None)
        if isinstance(higher, bool) and at(*DIRECTION) is None:
            found[DIRECTION] = higher
        return found

    def _known_model(self) -> Any:
        """The model, or the path that the spec names."""
        model = (
            self._written.at("model", "path") if self._model is None else self._model
        )
        if model is None:
            raise UsageError(
                "there is no model yet", "Set it: converter.model = './model.onnx'."
            )
        return model

    def _slots(self) -> Mapping[str, Any]:
        """What is supplied."""
        judges = {"metric": self._metric}
        if self._eval_func is not None:  # as in Neural Compressor, it comes first
            judges = {"eval_func": self._eval_func}
        found = {"model": self._model, "data": self._loader, **judges}
        return {name: each for name, each in found.items() if each is not None}

    def _supplied(self, script: Generated) -> Supplied:
        slots = dict(self._slots())
        if "metric" in slots:
            slots["metric"] = made_metric(
                self._metric, self._postprocess, script.spec.model.framework
            )
        elif self._postprocess is not None and self._eval_func is None:
            raise UsageError(
                "a postprocess needs a metric that is set in code too",
                "Set it: converter.metric = common.Metric(Class).",
            )
        return Supplied(slots.pop("model", None), slots)

    def _text(self, key: str) -> str | None:
        """A key of `tuning.workspace`."""
        found = self._written.at("tuning", "workspace", key)
        return str(found) if found else None


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr)
