"""Spec → Script: the decisions that the templates then print."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath

from narrowcast import __version__
from narrowcast.spec import Spec, canonical
from narrowcast.spec.spec import Evaluation, PythonObject

from .constants import constants, files
from .convert import convert_section
from .evaluation.batches import batches_section, supplied_section
from .evaluation.datasets import section as datasets
from .evaluation.datasets.section import dataset_section
from .evaluation.metrics import section as metrics
from .evaluation.metrics.section import eval_func_section, metric_section
from .evaluation.transforms import section as transforms
from .evaluation.transforms.own import own_sections
from .evaluation.transforms.section import is_prepared, prepare_section, preparing
from .frameworks import dependencies, framework_of
from .script import Header, Script
from .sections import Section
from .slots import ending
from .writing.code import comment, docstring, toml
from .writing.imports import import_lines


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
    if files(spec) or any(one.values for one in spec.model.inputs):
        imports.append(("pathlib", "Path"))
    if spec.model.inputs:
        imports.append(("narrowcast.runtime", "Input"))
    framework = framework_of(spec)
    return Script(
        header=_header(spec, spec_file, script_file),
        title=docstring(
            f"Convert {spec.model.name} ({_titled(spec)}) from fp32 to {' or '.join(spec.precisions)} + fp32 "
            "mixed precision."
        ),
        imports=import_lines(imports),
        type_imports=import_lines(framework.type_imports, indent=4),
        constants=constants(spec, folder),
        sections=sections,
        ending=ending(spec),
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
    return (
        framework_of(spec).model(spec),
        *_evaluation(spec, spec.evaluation),
        convert_section(spec),
    )


def _evaluation(spec: Spec, evaluation: Evaluation) -> Iterator[Section]:
    """What gives the data and judges outputs, as far as the spec names it."""
    if evaluation.dataset is None:
        yield supplied_section(spec, evaluation)
    else:
        through = preparing(evaluation)
        yield dataset_section(evaluation.dataset, through, evaluation.objects)
        if is_prepared(evaluation):
            yield from own_sections(evaluation.transforms)
            yield prepare_section(spec)
        yield batches_section(spec, evaluation)
    if evaluation.metric is not None:
        yield metric_section(evaluation.metric, evaluation.postprocess)
    if isinstance(evaluation.eval_func, PythonObject):
        yield eval_func_section(evaluation.eval_func)


def _packages(spec: Spec) -> tuple[str, ...]:
    """Requirements of reading, preparing and judging, each once."""
    evaluation = spec.evaluation
    needed = (
        *datasets.packages(evaluation.dataset),
        *transforms.packages(evaluation),
        *metrics.packages(evaluation),
    )
    return tuple(dict.fromkeys(needed))


def _header(spec: Spec, spec_file: Path, script_file: Path) -> Header:
    folder = relative_folder(spec_file, script_file)
    source = f"{folder}/{spec_file.name}" if folder else spec_file.name
    command = f"narrowcast generate {shlex.quote(source)}"
    if folder or script_file.name != default_name(spec):
        command += f" -o {shlex.quote(script_file.name)}"
    if spec.told:
        command += f" --framework {shlex.quote(spec.told)}"
    digest = hashlib.sha256(canonical(spec).encode()).hexdigest()
    return Header(
        version=comment(__version__),
        source=comment(source),
        command=comment(command),
        python=toml(framework_of(spec).python),
        dependencies=tuple(
            toml(each) for each in (*dependencies(spec), *_packages(spec))
        ),
        spec=toml(source),
        spec_sha256=toml(digest),
    )
