"""From plans to a saved model that was loaded again in a fresh process, and judged."""

from __future__ import annotations

from pathlib import Path

from ..evaluation.judgement import Judgement, Package
from ..frameworks.adapter import Compiler
from ..frameworks.protocol import LoadSaved
from ..search import Found
from ..search.found import Plan
from .conversion import Conversion
from .converted import Converted, closest
from .scoring import drift, score_saved


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
    saved = traced.save(
        traced.apply(plan.placement), conversion.context.candidate(conversion.file)
    )
    if not adapter.executes:
        return Converted(conversion, found, plan, saved)
    accuracy = _accuracy(conversion, adapter.load_saved, saved)
    package = _package(conversion, saved) if conversion.package else None
    return Converted(conversion, found, plan, saved, *accuracy, package)


def _package(conversion: Conversion, saved: Path) -> Package:
    """What a saved model is compiled to, loaded and judged likewise."""
    compiler = conversion.slots.adapter
    assert isinstance(compiler, Compiler)
    compiled = _compiled(conversion, compiler, saved)
    return Package(compiled, *_accuracy(conversion, compiler.load_compiled, compiled))


def _accuracy(
    conversion: Conversion, load: LoadSaved, path: Path
) -> tuple[Judgement | None, float | None]:
    """The judgement of a saved model; without an evaluation, its output error."""
    context, slots, standard = conversion.context, conversion.slots, conversion.standard
    if standard is None:
        fp32 = slots.adapter.predictor(conversion.model, slots.inputs)
        return None, drift(context, slots, fp32, load, path)
    return standard.judgement(score_saved(context, slots, standard, load, path)), None


def _compiled(conversion: Conversion, compiler: Compiler, saved: Path) -> Path:
    progress = conversion.context.progress
    progress.live("compile", f"{saved.name}: this takes a minute or more")
    package = compiler.compile_saved(
        saved, conversion.context.candidate(conversion.package)
    )
    progress.line("compile", f"{saved.name} -> {package.name}")
    return package
