"""Spec → Script: the decisions that the templates then print."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from narrowcast import __version__
from narrowcast.spec import Spec, canonical

from .constants import constants
from .evaluation.batches import batches_section, random_section
from .evaluation.dataset import dataset_section
from .evaluation.metric import metric_section
from .frameworks import dependencies, framework_of
from .script import (
    Convert,
    ConvertEach,
    ConvertUnexecuted,
    ConvertUnjudged,
    Header,
    Script,
)
from .sections import Section
from .writing.code import Code, comment, docstring, toml
from .writing.imports import import_lines
from .writing.layout import laid_out, values

COSTS = "narrowcast.runtime.placement.costs"
PROFILES = {
    ("cpu", "bf16"): "X86_BF16",
    ("cpu", "fp16"): "X86_FP16",
    ("cuda", "bf16"): "A100",
    ("cuda", "fp16"): "A100",
}
"""Device and precision → the machine that static costs assume."""


PROFILE = "profile"
"""What scripts call the profile that depends on the precision."""


def compile_script(spec: Spec, spec_file: Path, script_file: Path) -> Script:
    """Take every decision.

    Args:
        spec: The normalised spec.
        spec_file: Where it was read from, absolute.
        script_file: Where the script will stand, absolute; paths in it are relative
            to its folder.

    Raises:
        ValueError: A file's name can't be written in the script.
    """
    folder = relative_folder(spec_file, script_file)
    sections = _sections(spec)
    imports = [each for section in sections for each in section.imports]
    if spec.model.inputs:
        imports.append(("narrowcast.runtime", "Input"))
    framework = framework_of(spec)
    return Script(
        file_name=default_name(spec),
        header=_header(spec, spec_file, script_file),
        title=docstring(
            f"Convert {spec.model.name} ({_titled(spec)}) from fp32 to {' or '.join(spec.precisions)} + fp32 "
            "mixed precision."
        ),
        imports=import_lines(imports),
        type_imports=import_lines(framework.type_imports, indent=4),
        constants=constants(spec, folder),
        sections=sections,
    )


def _titled(spec: Spec) -> str:
    """The framework; of ONNX models their runtime besides."""
    title = framework_of(spec).title
    if spec.model.framework != "onnx" or title == "ONNX":
        return title
    return f"ONNX for {title}"


def default_name(spec: Spec) -> str:
    """The script's file name where the user gives none."""
    return f"convert_{spec.model.slug}.py"


def relative_folder(spec_file: Path, script_file: Path) -> str:
    """POSIX path from the script's folder to the spec's, "" if they are one."""
    path = os.path.relpath(spec_file.parent, script_file.parent)
    return "" if path == "." else PurePath(path).as_posix()


def _sections(spec: Spec) -> tuple[Section, ...]:
    model, evaluation = framework_of(spec).model(spec), spec.evaluation
    if evaluation is None:
        return model, random_section(spec), _convert(spec)
    return (
        model,
        dataset_section(evaluation.dataset),
        batches_section(spec, evaluation),
        metric_section(evaluation.metric),
        _convert(spec),
    )


def _convert(spec: Spec) -> Section:
    imports = [("narrowcast.runtime.placement", spec.objective)]
    objective = Code(spec.objective)
    if spec.objective == "latency":
        device = "cuda" if spec.model.runtime == "tensorrt" else spec.device
        low = _low(spec)
        profile = _profile(spec, device)
        imports += [(COSTS, each) for each in _profiles(spec, device)]
        if spec.execution == "compile":
            imports.append((COSTS, "fused"))
            profile = f"fused({profile})"
        costs = f"run.measure(traced, low={low}, profile={profile})"
        if spec.costs == "static":
            imports.append((COSTS, "StaticCosts"))
            costs = f"StaticCosts(traced.graph, {profile})"
        objective = Code(f"latency({costs})")
    outputs = laid_out("outputs=", values(spec.model.outputs), 8, ",")
    options = (outputs,) if spec.model.outputs else ()
    framework = framework_of(spec)
    package, adapter = framework.adapter
    file = Code(f'f"{{NAME}}.{_named(spec)}{framework.ending}"')
    importing = import_lines([(package, adapter)], indent=4)
    if not framework.executed:
        return ConvertUnexecuted(
            adapter=Code(adapter),
            adapter_import=importing,
            objective=objective,
            objective_imports=tuple(imports),
            trace_options=options,
            file=file,
        )
    kind: Callable[..., Section] = ConvertUnjudged
    if spec.evaluation is not None:
        rules: dict[str, Any] = {
            "evaluates_rules": spec.objective == "latency",
            "low": _low(spec),
        }
        kind = partial(Convert, template="shared/convert.py.j2", **rules)
        if len(spec.precisions) > 1:
            template, model = "shared/convert_each.py.j2", Code(framework.loaded)
            kind = partial(ConvertEach, template=template, model=model, **rules)
    return kind(
        adapter=Code(adapter),
        adapter_import=importing,
        objective=objective,
        objective_imports=tuple(imports),
        trace_options=options,
        after_trace=_after_trace(spec),
        file=file,
        package=_package(spec),
    )


def _after_trace(spec: Spec) -> tuple[Code, ...]:
    """What timing needs, and decides, before ops are placed."""
    return (*_chosen_profile(spec), *_fastest_forms(spec))


def _chosen_profile(spec: Spec) -> tuple[Code, ...]:
    """The statement that takes the profile of the precision, where they differ."""
    profiles = _profiles(spec, spec.device)
    if spec.objective != "latency" or len(profiles) == 1:
        return ()
    bf16, fp16 = profiles
    return (Code(f"{PROFILE} = {bf16} if low is Precision.BF16 else {fp16}"),)


def _fastest_forms(spec: Spec) -> tuple[Code, ...]:
    if spec.objective != "latency" or spec.costs == "static":
        return ()
    if spec.model.framework != "pytorch":
        return ()
    traced = "traced"
    if spec.execution == "compile":
        traced = "pytorch.under_inductor(traced)"
    return (Code(f"traced = run.in_fastest_forms({traced}, low={_low(spec)})"),)


def _package(spec: Spec) -> Code | None:
    """Name of the compiled package, if there is to be one."""
    if spec.execution == "eager":
        return None
    return Code(f'f"{{NAME}}.{_named(spec)}.compiled.pt2"')


def _low(spec: Spec) -> Code:
    """The precision, as the steps of the conversion call it."""
    return Code("LOW" if len(spec.precisions) == 1 else "low")


def _named(spec: Spec) -> str:
    """The precision in an f-string."""
    return spec.precisions[0] if len(spec.precisions) == 1 else "{low}"


def _profiles(spec: Spec, device: str) -> tuple[str, ...]:
    """The machines that static costs assume."""
    return tuple(dict.fromkeys(PROFILES[device, each] for each in spec.precisions))


def _profile(spec: Spec, device: str) -> str:
    """The one of them for the precision."""
    first, *others = _profiles(spec, device)
    if not others:
        return first
    return PROFILE


def _header(spec: Spec, spec_file: Path, script_file: Path) -> Header:
    folder = relative_folder(spec_file, script_file)
    source = f"{folder}/{spec_file.name}" if folder else spec_file.name
    command = f"narrowcast generate {shlex.quote(source)}"
    if folder or script_file.name != default_name(spec):
        command += f" -o {shlex.quote(script_file.name)}"
    digest = hashlib.sha256(canonical(spec).encode()).hexdigest()
    return Header(
        version=comment(__version__),
        source=comment(source),
        command=comment(command),
        python=toml(framework_of(spec).python),
        dependencies=tuple(toml(each) for each in dependencies(spec)),
        spec=toml(source),
        spec_sha256=toml(digest),
    )
