"""Spec → Script: the decisions that the templates then print."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath

from narrowcast import __version__
from narrowcast.spec import Spec, canonical
from narrowcast.spec.spec import Dataset, Evaluation, PythonObject

from .constants import constants, files
from .convert import convert_section
from .dependencies import dependencies, of_narrowcast, unknown_modules
from .evaluation.batches import batches_section, supplied_section
from .evaluation.datasets.section import dataset_section
from .evaluation.metrics.section import eval_func_section, metric_section
from .evaluation.transforms.own import own_sections
from .evaluation.transforms.section import is_prepared, prepare_section, preparing
from .frameworks import framework_of
from .quantization import calibrating
from .script import Header, Script
from .sections import CALIBRATED, EVALUATED, Called, Section
from .slots import ending
from .vendoring.fitting import fitting
from .vendoring.runtime import INSTALLED, Runtime
from .writing.code import Code, comment, docstring, toml
from .writing.imports import import_lines, is_standard


def compile_script(
    spec: Spec, spec_file: Path, script_file: Path, runtime: Runtime = INSTALLED
) -> Script:
    """Take every decision.

    Args:
        spec: The normalised spec.
        spec_file: Where it was read from, absolute.
        script_file: Where the script will stand, absolute; paths in it are relative
            to its folder.
        runtime: Where it imports its runtime from.

    Raises:
        ValueError: A file's name can't be written in the script.
    """
    folder = relative_folder(spec_file, script_file)
    sections = _sections(spec)
    imports = [each for section in sections for each in section.imports]
    if files(spec) or any(one.values for one in spec.model.inputs):
        imports.append(("pathlib", "Path"))
    if spec.model.inputs:
        imports.append(("narrowcast.runtime", "Input"))
    if runtime.copy_of:
        imports.append(("pathlib", "Path"))
    framework = framework_of(spec)
    return Script(
        header=_header(spec, spec_file, script_file, runtime),
        package=Code(runtime.package),
        title=docstring(
            f"Convert {spec.model.name} ({_titled(spec)}) from fp32 to {_lowered(spec)} + "
            "fp32 mixed precision."
        ),
        standard=import_lines(each for each in imports if is_standard(each)),
        fitting=fitting(runtime, of_narrowcast(spec)),
        imports=import_lines(each for each in imports if not is_standard(each)),
        type_imports=import_lines(framework.type_imports, indent=4),
        constants=constants(spec, folder),
        sections=sections,
        ending=ending(spec),
    )


def _lowered(spec: Spec) -> str:
    """What is lower than fp32."""
    lows = " or ".join(spec.precisions)
    return lows if spec.quantization is None else f"int8 + {lows}"


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
    return (
        framework_of(spec).model(spec),
        *_evaluation(spec, spec.evaluation),
        *_calibration(spec),
        convert_section(spec),
    )


def _evaluation(spec: Spec, evaluation: Evaluation) -> Iterator[Section]:
    """What gives the data and judges outputs, as far as the spec names it."""
    if evaluation.dataset is None:
        yield supplied_section(spec, evaluation)
    else:
        yield from _data(spec, evaluation.dataset)
    if evaluation.metric is not None:
        yield metric_section(evaluation.metric, evaluation.postprocess)
    if isinstance(evaluation.eval_func, PythonObject):
        yield eval_func_section(evaluation.eval_func)


def _calibration(spec: Spec) -> Iterator[Section]:
    """What gives the data of int8's ranges, where that is data of its own."""
    given = calibrating(spec)
    if given is not None and given.evaluation.dataset is not None:
        yield from _data(given, given.evaluation.dataset, CALIBRATED)


def _data(
    spec: Spec, dataset: Dataset, called: Called = EVALUATED
) -> Iterator[Section]:
    """The dataset, what its samples go through, and batches of them."""
    evaluation = spec.evaluation
    through = preparing(evaluation, called)
    yield dataset_section(dataset, through, evaluation.objects, called)
    if is_prepared(evaluation):
        yield from own_sections(evaluation.transforms, called)
        yield prepare_section(spec, called)
    yield batches_section(spec, evaluation, called)


def _header(spec: Spec, spec_file: Path, script_file: Path, runtime: Runtime) -> Header:
    folder = relative_folder(spec_file, script_file)
    source = f"{folder}/{spec_file.name}" if folder else spec_file.name
    command = f"narrowcast generate {shlex.quote(source)}"
    if folder or script_file.name != default_name(spec):
        command += f" -o {shlex.quote(script_file.name)}"
    if spec.told:
        command += f" --framework {shlex.quote(spec.told)}"
    if runtime.copy_of:
        command += " --vendor"
    digest = hashlib.sha256(canonical(spec).encode()).hexdigest()
    return Header(
        version=comment(__version__),
        source=comment(source),
        command=comment(command),
        python=toml(framework_of(spec).releases.python),
        dependencies=tuple(toml(each) for each in dependencies(spec, runtime)),
        unknown=comment(", ".join(unknown_modules(spec))),
        spec=toml(source),
        spec_sha256=toml(digest),
    )
