"""What came of converting a model to one precision, and which of several is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.processes.memory import give_back
from ..common.telling.progress import step
from ..evaluation.judgement import Judgement, Package
from ..evaluation.judging.verdict import reached
from ..frameworks.adapter import Compiler
from ..frameworks.protocol import LoadSaved
from ..search import Found
from ..search.found import Plan
from ..search.sensitivity.worst import Worst, worst_op
from .conversion import Conversion
from .scoring import output_error, score_saved, score_saved_by_function

DEFAULT_SEED = 1978
"""Of the sketch's random probes."""


@dataclass(frozen=True)
class Converted:
    """A saved model that was checked.

    Attributes:
        found: All that the search found.
        plan: What of it was applied.
        saved: The candidate.
        judgement: Its accuracy, loaded in a fresh process; None without an evaluation.
        drift: Without one, its output error; None where nothing runs it here.
        worst: The op that adds most to it, where it is more than is tolerated.
        package: What it was compiled to, if it was.
    """

    conversion: Conversion
    found: Found
    plan: Plan
    saved: Path
    judgement: Judgement | None = None
    drift: float | None = None
    worst: Worst | None = None
    package: Package | None = None

    @property
    def holds(self) -> bool:
        """Whether model and package meet the criterion, if there is one."""
        return all(judgement.holds for judgement in self._judgements)

    @property
    def loss(self) -> float:
        """What is lost as saved, in the metric's unit; infinite where not finite."""
        return max((judgement.loss for judgement in self._judgements), default=0.0)

    @property
    def _judgements(self) -> tuple[Judgement, ...]:
        package = self.package.judgement if self.package else None
        return tuple(filter(None, (self.judgement, package)))


def closest(tried: Sequence[Converted]) -> Converted:
    """The first that holds; if none does, the one that loses least."""
    return min(
        tried,
        key=lambda result: (not result.holds, 0.0 if result.holds else result.loss),
    )


def better(converted: Sequence[Converted]) -> Converted:
    """The best by the objective of those that hold; without any, the closest.

    Of equals the one that loses less as saved, then the first. Predicted seconds are
    comparable where they were measured: a precision that is not timed here comes last.
    """
    here = [result for result in converted if result.conversion.timed_here]
    by_clock = any(
        result.holds and result.plan.objective == "latency" for result in here
    )

    def key(result: Converted) -> tuple[bool, float, float]:
        if not result.holds:
            return True, result.loss, 0.0
        rank = result.plan.rank
        return False, rank[0] if rank else 0.0, result.loss

    return min(here if by_clock else converted, key=key)


def described_result(converted: Converted) -> str:
    """Compute and accuracy of what was saved, for a progress line."""
    graph, plan = converted.conversion.traced.graph, converted.plan
    flops = graph.flops_in(plan.placement, plan.low)
    share = f"{flops / max(graph.flops, 1):.1%} of FLOPs in {plan.low}"
    if converted.judgement is None:
        return share
    state = "passes" if converted.holds else "fails"
    judged = converted.judgement
    value = reached(judged.criterion, judged.baseline, judged.result)
    return f"{share}  {value}  {state}"


def checked(conversion: Conversion, found: Found) -> Converted:
    """The first plan whose saved model holds; if none does, the one that loses least."""
    tried: list[Converted] = []
    for plan in found:
        tried.append(_converted(conversion, found, plan))
        if tried[-1].holds:
            break
    return closest(tried)


def _converted(conversion: Conversion, found: Found, plan: Plan) -> Converted:
    """Apply a plan, save, load again, evaluate; nothing runs where nothing can."""
    traced, adapter = conversion.traced, conversion.slots.adapter
    with step("saving"):
        saved = traced.save(
            traced.apply(plan.placement), conversion.context.candidate(conversion.file)
        )
        give_back()  # the process that checks it needs its own
    if not adapter.executes:
        return Converted(conversion, found, plan, saved)
    with step("checking what was saved"):
        judgement, error = _accuracy(conversion, conversion.load_saved, saved)
        worst = _worst(conversion, plan, error)
    with step("compiling"):
        package = _package(conversion, saved) if conversion.package else None
    return Converted(conversion, found, plan, saved, judgement, error, worst, package)


def _package(conversion: Conversion, saved: Path) -> Package:
    """What a saved model is compiled to, loaded and judged likewise."""
    compiler, context = conversion.slots.adapter, conversion.context
    standard = conversion.standard
    assert isinstance(compiler, Compiler)
    context.progress.live("compile", f"{saved.name}: this takes a minute or more")
    package = compiler.compile_saved(saved, context.candidate(conversion.package))
    context.progress.line("compile", f"{saved.name} -> {package.name}")
    if standard is not None and standard.eval_func is not None:
        # It is no object that a function could be called with.
        return Package(
            package, None, _drift(conversion, compiler.load_compiled, package)
        )
    return Package(package, *_accuracy(conversion, compiler.load_compiled, package))


def _accuracy(
    conversion: Conversion, load: LoadSaved, path: Path
) -> tuple[Judgement | None, float | None]:
    """The judgement of a saved model; without an evaluation, its output error."""
    context, slots, standard = conversion.context, conversion.slots, conversion.standard
    if standard is None:
        return None, _drift(conversion, load, path)
    if standard.eval_func is not None:
        open_native = conversion.opener.open_native
        found = score_saved_by_function(context, standard.eval_func, open_native, path)
    else:
        found = score_saved(context, slots, standard, load, path)
    return standard.judgement(found), None


def _drift(conversion: Conversion, load: LoadSaved, path: Path) -> float:
    context, slots = conversion.context, conversion.slots
    fp32 = slots.adapter.predictor(conversion.model, slots.inputs)
    return output_error(context, slots, fp32, load, path)


def _worst(conversion: Conversion, plan: Plan, error: float | None) -> Worst | None:
    """The op that adds most to an output error that is warned of; None for others."""
    tolerated, context = conversion.tolerated, conversion.context
    if error is None or error <= tolerated:
        return None
    context.progress.live("errors", "which op changes the outputs most")
    traced = conversion.traced
    graph = traced.graph
    worst = worst_op(traced, plan.low, graph, plan.placement, DEFAULT_SEED)
    data = "random inputs" if conversion.slots.made_up else "the first batch"
    named = ""
    if worst is not None:
        named = f"; {worst.op} adds most, {worst.share:.0%} of the squared error"
    context.warn(
        f"outputs differ from fp32's by {error:.1%} (RMS) on {data}, more than "
        f"{tolerated:.1%}, and nothing judges them{named}. Judge on data "
        "(evaluation), say what values inputs take, or pin it (mixed_precision.op_wise)"
    )
    return worst
