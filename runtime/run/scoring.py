"""Scores: of the model as loaded, and of what was saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_hash
from ..evaluation.baseline import (
    Baseline,
    baseline_data,
    baseline_of,
    measured_baseline,
)
from ..evaluation.batches import first_inputs, identity
from ..evaluation.criterion import Criterion
from ..evaluation.drift.demanded import Drift
from ..evaluation.evaluation import (
    Evaluation,
    evaluation,
    evaluation_data,
    largest_error,
    rounded,
)
from ..evaluation.judging.digits import told
from ..evaluation.judging.joint import against, asked, needs_reference
from ..evaluation.judging.relative import meant, meant_criterion
from ..evaluation.judging.verdict import reached
from ..evaluation.metrics.calling import made_metric
from ..evaluation.metrics.eval_func import EvalFunc, score_model
from ..evaluation.metrics.metric import Metric
from ..evaluation.metrics.part import SHARE
from ..evaluation.saved import check_finite
from ..evaluation.sharding import Job, SavedModel
from ..evaluation.sizes import joined
from ..frameworks.protocol import LoadSaved, Predict, first_call
from ..record.recorded import history_path
from ..record.resume import check_data
from .context import Context
from .loaded import AsLoaded
from .slots.slots import Slots, Standard


def scored_as_loaded(
    context: Context,
    slots: Slots,
    predict: Predict,
    metric: Callable[[], Metric] | None,
    criterion: Criterion | tuple[Criterion, ...],
    drift: Drift | None = None,
) -> Standard:
    """Score the model as loaded, by workers if there are any.

    Args:
        criterion: Of `Several` metrics, one for each.
        drift: What is demanded of outputs beside fp32's own.

    Raises:
        ModelError: It fails on the data.
        DataError: Its outputs or its metric are not finite, or a batch is not what is
            declared.
        UsageError: The criterion is relative to nothing.
    """
    progress = context.progress
    progress.live("baseline", "the model as loaded")
    made = asked(metric, criterion, drift)
    kept = context.scratch() if needs_reference(made_metric(made)) else None
    loaded = AsLoaded(context, slots, predict, made, kept)
    anew = False

    def make() -> dict[str, Any]:
        nonlocal anew
        anew = True
        measured = measured_baseline(
            predict,
            loaded.data,
            made,
            loaded.scored,
            lambda found: loaded.again(against(made, criterion, found)),
            context.clock,
        )
        return {**baseline_data(measured), "sizes": dict(loaded.sizes)}

    recorded = context.history.remember("baseline", make)
    if not anew and kept is not None:
        loaded.keep_outputs()
    judged_by, seen = baseline_of(recorded), recorded["sizes"]
    _tell(context, judged_by)
    demanded = meant_criterion(made, criterion, judged_by, context.note)
    return Standard(
        against(made, demanded, judged_by.found),
        demanded,
        judged_by,
        loaded.stateful,
        not anew,
        joined({}, seen),
        kept=kept,
    )


def hold_to_data(context: Context, slots: Slots, standard: Standard) -> None:
    """See that what the history has scores of is the data that there is, once.

    Raises:
        UsageError: It is not.
    """
    if not standard.recorded or context.same_data or standard.eval_func is not None:
        return
    context.progress.live("data", "whether it is what the search began with")
    name = history_path(context.options.plan).name
    check_data(standard.baseline.data, identity(slots.batches), name)
    context.same_data = True


def tell_of_other_data(context: Context, standard: Standard, found: Evaluation) -> None:
    """Warn where an evaluation saw other data than the model as loaded did."""
    whole, seen = standard.baseline.data, found.data
    if whole is None or seen is None:
        return
    if not seen.begins(whole) or (found.full and seen.batches != whole.batches):
        context.warn(
            "the data is not the same in each pass: results are judged on other samples "
            "than fp32 was, or in another order. Don't shuffle it, seed what the dataset "
            "draws, and change no file meanwhile."
        )


def _tell(context: Context, judged_by: Baseline) -> None:
    first, again = told(judged_by.found), judged_by.again
    if again is not None:
        second = rounded(again)
        if judged_by.found.metric == SHARE:
            second = f"use {second} of what is allowed between them"
        context.warn(
            "the model is not deterministic: two passes over the data gave "
            f"{first} and {second}"
        )
    context.progress.line("baseline", first)


def score_saved(
    context: Context, slots: Slots, standard: Standard, load: LoadSaved, path: Path
) -> Evaluation:
    """Score a saved model in fresh processes, exactly and in full."""
    progress, metric = context.progress, standard.metric
    assert metric is not None
    slots = replace(slots, batches=standard.batches(slots))

    def make() -> dict[str, Any]:
        if context.workers is None or standard.stateful:
            progress.live("check", f"{path.name} in a fresh process")
            scored = context.checks.score(slots, load, path, metric)
            where = "a fresh process"
        else:
            progress.live("check", f"{path.name} in fresh processes")
            context.workers.close()
            job = Job(SavedModel(load, path), slots.batches, metric)
            scored = context.workers.evaluate(job, progress.batch)
            where = "the workers"
        finite = "" if scored.finite else "  outputs are not finite"
        value = reached(standard.criterion, standard.baseline, scored)
        text = f"{value}  {path.name} loaded in {where}{finite}"
        progress.line("check", text)
        return evaluation_data(scored)

    step = f"check {path.name} {candidate_hash(path)}"
    found = evaluation(context.history.remember(step, make))
    tell_of_other_data(context, standard, found)
    return found


def scored_by_function(
    context: Context,
    slots: Slots,
    model: Any,
    eval_func: EvalFunc,
    criterion: Criterion,
) -> Standard:
    """Have a function score the model as loaded.

    Raises:
        MetricError: It fails, or gives no finite number.
        ModelError: The framework has no object of the model to give to it.
        UsageError: The criterion is relative to nothing.
    """
    context.progress.live("baseline", "the model as loaded")
    if context.workers is not None:
        context.note(
            "eval_func scores whole models, in this process: --workers is idle"
        )

    def make() -> dict[str, Any]:
        native = slots.adapter.native(model)
        began = context.clock()
        found = score_model(eval_func, native)
        taken = context.clock() - began
        return {**baseline_data(Baseline(found, seconds=taken)), "sizes": {}}

    judged_by = baseline_of(context.history.remember("baseline", make))
    _tell(context, judged_by)
    meant(criterion, judged_by.found, None, of_fp32=False)
    return Standard(None, criterion, judged_by, eval_func=eval_func)


def score_saved_by_function(
    context: Context,
    eval_func: EvalFunc,
    open_native: Callable[[Path], Any],
    path: Path,
) -> Evaluation:
    """Have a function score a saved model, opened anew."""

    def make() -> dict[str, Any]:
        where = context.checks.opened_in
        context.progress.live("check", f"{path.name} in {where}")
        scored = context.checks.score_whole(eval_func, open_native, path)
        text = f"{told(scored)}  {path.name} opened in {where}"
        context.progress.line("check", text)
        return evaluation_data(scored)

    step = f"check {path.name} {candidate_hash(path)}"
    return evaluation(context.history.remember(step, make))


def output_error(
    context: Context, slots: Slots, fp32: Predict, load: LoadSaved, path: Path
) -> float:
    """Output error of a saved model on the first batch, in a fresh process.

    RMS of the difference over the RMS of fp32's output, the largest over outputs.

    Raises:
        ModelError: Outputs are not finite.
    """
    context.progress.live("check", f"{path.name} in a fresh process")
    expected = first_call(fp32, first_inputs(slots.batches))
    converted = context.checks.first_outputs(slots, load, path)
    check_finite(expected, "the fp32 model's outputs are not finite")
    check_finite(converted, "the converted model's outputs are not finite")
    error = largest_error(expected, converted)
    text = f"output error {error:.1e}  {path.name} loaded in a fresh process"
    context.progress.line("check", text)
    return error
