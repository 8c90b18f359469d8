"""What a conversion from Python gives back."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import write_bytes
from narrowcast.runtime.evaluation.data.supplied.collating import said
from narrowcast.runtime.report.report import Report

from .calling import Outcome, Place
from .ends import CriterionError, refusals
from .saving import save

REMEDY = (
    "Allow more in tuning.accuracy_criterion, raise tuning.exit_policy.max_trials, or "
    "save it all the same: save(path, anyway=True)."
)


class Result:
    """A converted model; false where it misses the criterion.

    Attributes:
        script: The text of the script that converted it.
        report: What the run has to say for itself.
        plan: The plan's content: the precision of every op, and why.
    """

    def __init__(self, script: str, outcome: Outcome, place: Place) -> None:
        self.script = script
        self.report: Report = outcome.report
        self.plan: Mapping[str, Any] = outcome.plan
        self._opener = outcome.opener
        weakref.finalize(self, place.discard)

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        report = self.report
        state = "holds" if self.holds else "criterion not met"
        return f"<{report.name}: {report.ops_low} of {report.ops} ops in {report.low}, {state}>"

    @property
    def holds(self) -> bool:
        """Whether the criterion is met, or there was none."""
        judged = self.report.judgement
        return judged is None or judged.holds

    @cached_property
    def model(self) -> Any:
        """The framework's own object, opened from what was saved and judged.

        A module of PyTorch's, a `tf.Graph`, a block or (symbol, arg_params, aux_params)
        of MXNet's, a ModelProto.
        """
        with refusals():
            return self._opener.open_native(self.report.model)

    @property
    def graph(self) -> Any:
        """TensorFlow: the converted model as a `tf.Graph`.

        Raises:
            UsageError: It is no model of TensorFlow's.
        """
        with refusals():
            if not hasattr(self.model, "as_graph_def"):
                raise UsageError(
                    "only TensorFlow's models have a graph", "Take `.model`."
                )
        return self.model

    @property
    def graph_def(self) -> Any:
        """TensorFlow: the same as a GraphDef.

        Raises:
            UsageError: It is no model of TensorFlow's.
        """
        return self.graph.as_graph_def()

    def save(self, path: str | os.PathLike[str], *, anyway: bool = False) -> Path:
        """Write the converted model; what stands there is replaced.

        Args:
            path: A file, by the format's ending; an existing folder, which gets the
                model under its own name; else the file without its ending. TensorFlow's
                are SavedModels, folders, or frozen graphs where it ends in `.pb`.
            anyway: Also where it misses the criterion.

        Returns:
            What was written: where a model is several files, the one that is opened.

        Raises:
            CriterionError: It misses the criterion: nothing is written.
            UsageError: It can't be written there.
        """
        with refusals():
            if not self.holds and not anyway:
                raise CriterionError(f"not saved: {self.missed}", REMEDY)
            if not isinstance(path, str | os.PathLike):
                raise UsageError(f"save is given {said(path)}", "Give it a path.")
            if os.fspath(path).endswith(".pb") and self.report.model.is_dir():
                frozen = self.graph_def.SerializeToString(deterministic=True)
                return write_bytes(Path(path).expanduser(), frozen)
            return save(self.report.model, os.fspath(path))

    @property
    def missed(self) -> str:
        """What is lost where the criterion is missed, "" where it holds."""
        judged, report = self.report.judgement, self.report
        if judged is None or judged.holds:
            return ""
        missed = [each for each in judged.verdicts if not each.holds]
        first = (*missed, *judged.verdicts)[0]
        before, after, bound = first.told
        return (
            f"the best of {report.trials} trial{'s' * (report.trials != 1)} misses the "
            f"criterion: {first.metric} is {after}, fp32 has {before}, demanded is "
            f"{first.limit} {bound}"
        )
