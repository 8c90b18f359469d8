"""The steps of a conversion: what the spec decides of them, as source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from narrowcast.spec import Spec

from .frameworks import framework_of
from .quantization import quantization_imports, quantization_step
from .sections import CONVERTED, Convert
from .slots import imports_of, parameters, slots_of
from .writing.code import Code, docstring, literal
from .writing.imports import Import
from .writing.layout import Group, Item, laid_out, values

PERFORMANCE = "narrowcast.runtime.evaluation.performance.asked"
COSTS = "narrowcast.runtime.placement.costs"
PROFILES = {
    ("cpu", "bf16"): "X86_BF16",
    ("cpu", "fp16"): "X86_FP16",
    ("cuda", "bf16"): "A100",
    ("cuda", "fp16"): "A100",
}
"""Device and precision → the machine that static costs assume."""

JUDGED = (
    "Score fp32, trace, replay a plan or search, save, load again, evaluate, report."
)
WITH_DATA = (
    "Score fp32, trace, replay a plan or search, save, check; without data: by rules."
)
EACH = "Score fp32, convert to each precision, keep the better, report."
UNJUDGED = "Trace, lower all ops that can be, save, load again, compare, report."
UNEXECUTED = (
    "Trace, lower all ops that can be, save and check; nothing is executed here."
)
MEASURED = Code("converted, PERFORMANCE")
ALWAYS = ("Pins", "Precision", "Report", "Requirements", "Run", "Sources")


def convert_section(spec: Spec) -> Convert:
    """The steps, as the spec's evaluation, precisions, objective and runtime want them."""
    framework = framework_of(spec)
    each = len(spec.precisions) > 1
    judged = ("Budget", "Criterion") if spec.judged else ()
    drift = ("Drift",) if spec.evaluation.drift else ()
    both = ("Converted",) if each else ()
    open_data = slots_of(spec).data and spec.evaluation.eval_func is None
    with_data = WITH_DATA if open_data else JUDGED
    heading = laid_out(
        "def convert", Group("(", parameters(spec), ")"), 0, " -> Report:"
    )
    return Convert(
        heading=Code(f"{heading} -> Report:"),
        title=docstring(
            EACH if each else with_data if spec.judged else _unjudged(spec)
        ),
        names=(*ALWAYS, *judged, *drift, *both, "command_line"),
        beginning=tuple(_beginning(spec)),
        each=each,
        steps=_steps(spec, indent=8 if each else 4),
        imports_of_steps=(
            framework.adapter,
            *imports_of(spec),
            *quantization_imports(spec),
            *_imports(spec),
        ),
        finishing=CONVERTED if spec.performance is None else MEASURED,
    )


def _unjudged(spec: Spec) -> str:
    return UNJUDGED if framework_of(spec).executed else UNEXECUTED


def _beginning(spec: Spec) -> Iterator[Code]:
    """Statements up to the model, loaded and scored."""
    framework, slots = framework_of(spec), slots_of(spec)
    _package, adapter = framework.adapter
    several = len(spec.precisions) > 1
    requirements = "*REQUIREMENTS" if several else "REQUIREMENTS"
    lows = "lows = " if several else ""
    yield Code(f"{lows}run.require({adapter}, {requirements})")
    model, batches = "model" if slots.model else "load_model", "batches"
    if slots.data:
        stated = spec.stated_size
        size = "" if stated is None else f", size={literal(stated)}"
        yield Code(f"fed = run.fed(batches, data, seed=SEED{size})")
        batches = "fed"
    given = f"{model}, {batches}, inputs=INPUTS, sources=SOURCES"
    yield Code(f"subject = run.load({given})")
    if spec.judged and spec.evaluation.eval_func is not None:
        yield Code("subject = subject.scored_by(eval_func, CRITERION)")
    elif spec.judged:
        drift = ", DRIFT" if spec.evaluation.drift else ""
        yield Code(f"subject = subject.judged_by(metric, CRITERION{drift})")


def _steps(spec: Spec, indent: int) -> tuple[Code, ...]:
    """Statements from the model as loaded to the plans that were found."""
    return (
        _trace(spec, indent),
        *quantization_step(spec),
        *_fastest_forms(spec),
        *_profile(spec),
        _plans(spec, indent),
    )


def _trace(spec: Spec, indent: int) -> Code:
    low = "LOW" if len(spec.precisions) == 1 else "low"
    named: str = spec.precisions[0] if len(spec.precisions) == 1 else "{low}"
    if spec.quantization is not None:
        named = f"int8.{named}"
    items: list[Item] = [
        Code(low),
        Code(f'f"{{NAME}}.{named}{framework_of(spec).ending}"'),
        Code("pins=PINS"),
    ]
    if spec.model.outputs:
        items.append(("outputs=", values(spec.model.outputs)))
    inputs = tuple(one.name for one in spec.model.inputs if one.freed)
    if inputs:
        items.append(("freed_inputs=", values(inputs)))
    if spec.model.freed_outputs:
        items.append(("freed_outputs=", values(spec.model.freed_outputs)))
    if spec.execution == "compile":
        items.append(Code(f'package=f"{{NAME}}.{named}.compiled.pt2"'))
    tracing = Group("subject.trace(", tuple(items), ")")
    return laid_out("conversion = ", tracing, indent)


def _fastest_forms(spec: Spec) -> tuple[Code, ...]:
    """PyTorch alone has kernels that compute the same; they are chosen by timing."""
    timed = spec.objective == "latency" and spec.costs != "static"
    if not timed or spec.model.framework != "pytorch":
        return ()
    return (Code("conversion.use_fastest_forms()"),)


def _plans(spec: Spec, indent: int) -> Code:
    objective = Code(spec.objective)
    if spec.objective == "latency":
        objective = Code(f"latency({_costs(spec)})")
    items = (objective, Code("BUDGET")) if spec.judged else (objective,)
    step = "search" if spec.judged else "everything_low"
    return laid_out(
        "found = conversion.replay() or ",
        Group(f"conversion.{step}(", items, ")"),
        indent,
    )


def _costs(spec: Spec) -> str:
    first, *others = _profiles(spec)
    profile = "profile" if others else first
    if spec.execution == "compile":
        profile = f"fused({profile})"
    step = "static_costs" if spec.costs == "static" else "measure"
    return f"conversion.{step}({profile})"


def _profile(spec: Spec) -> tuple[Code, ...]:
    """The statement that takes the profile of the precision, where they differ."""
    profiles = _profiles(spec)
    if spec.objective != "latency" or len(profiles) == 1:
        return ()
    bf16, fp16 = profiles
    return (Code(f"profile = {bf16} if low is Precision.BF16 else {fp16}"),)


def _profiles(spec: Spec) -> tuple[str, ...]:
    """The machines that static costs assume, one or two."""
    device = "cuda" if spec.model.runtime == "tensorrt" else spec.device
    return tuple(dict.fromkeys(PROFILES[device, low] for low in spec.precisions))


def _imports(spec: Spec) -> Sequence[Import]:
    imports = [("narrowcast.runtime.placement", spec.objective)]
    if spec.objective == "latency":
        imports += [(COSTS, name) for name in _profiles(spec)]
        if spec.execution == "compile":
            imports.append((COSTS, "fused"))
    if spec.performance is not None:
        imports.append((PERFORMANCE, "Performance"))
    return imports
