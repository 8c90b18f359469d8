"""The user's names in a script: none hides one of the script's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from narrowcast.spec.sections.tuning import OBJECTIVES
from narrowcast.spec.spec import PythonObject

from .evaluation.datasets import (
    files,
    folders,
    images,
    random,
    records,
    tables,
    text,
)
from .evaluation.metrics import (
    classification,
    detection,
    others,
    postprocess,
    regression,
)
from .evaluation.transforms import conversions, elementwise, geometry, imagenet
from .writing.code import Code, dotted
from .writing.imports import import_lines

OWN = """
A100 Any Budget Callable Converted Criterion Data Drift Input Integers Iterator Metric Model
Path Performance Pins Precision Quantization Report Requirements Run Sides Sources
TYPE_CHECKING X86_BF16 X86_FP16

annotations array arrays block_model cache command_line conversion converted data error fed
found fused inputs keras keras_model labels load_frozen_graph load_keras
load_keras_weights load_onnx load_parameters load_safetensors load_saved_model
load_sharded load_state_dict load_symbol low lows model mx mxnet np npt onnxruntime open_pt2
open_supplied openvino path_argument portable profile pytorch remedy run source subject sys
tensorflow tensorrt tf torch

BUDGET PERFORMANCE CRITERION DATA DRIFT HERE INPUTS LOW MODEL NAME PINS QUANTIZATION
REQUIREMENTS SEED SOURCES TOKENIZER WEIGHTS

batches convert convert_to dataset eval_func fits load_model metric open_model prepare
prepare_calibration

ModuleNotFoundError float print tuple
"""
DATASETS = """
Arrays Balanced Decoded Indexed made

CONTENT IMAGE_LIST STYLE
"""
TRANSFORMS = """
Step at_random channels_first channels_last own_transform to_array transform
transform_2 transform_3
"""
METRICS = "Several Weighted"
KINDS = (
    *(files, folders, images, random, records, tables, text),
    *(conversions, elementwise, geometry, imagenet),
    *(classification, detection, others, postprocess, regression),
)
"""Modules that write calls of the runtime, each with the names that its calls need."""

RESERVED = frozenset(
    {
        *OWN.split(),
        *OBJECTIVES.values(),
        *DATASETS.split(),
        *TRANSFORMS.split(),
        *METRICS.split(),
        *(name for kind in KINDS for name in kind.NAMES.split()),
    }
)
"""Imports, constants and functions, local names, and builtins that a script uses."""

SAMPLE = frozenset({"image", "label", "generator"})
"""Local names of `prepare`: inputs may be called so, in other functions."""

NUMBERED = re.compile(r"MODEL_\d+$|CALIBRATION_[A-Z_]+$|calibration_\w+$")
"""Names of which a script has as many as its factory has paths, or int8's data of its own
files and transforms."""

MISREAD = frozenset({"I", "O", "l"})
"""Names that look like digits, which linters refuse (E741)."""


def variables(names: Iterable[str]) -> tuple[Code, ...]:
    """A local variable for each input, called as the input where that is possible.

    `batch.image` is `batch_image`, and `x:0` is `x_0`.
    """
    taken = set(RESERVED | MISREAD)
    found: list[Code] = []
    for name in names:
        # Linters take a leading underscore for "not used".
        safe = f"input{name}" if name.startswith("_") else name
        safe = re.sub(r"\W", "_", safe)
        safe = f"input_{safe}" if safe[:1].isdecimal() else safe
        while safe in taken or NUMBERED.match(safe) or keyword.iskeyword(safe):
            safe += "_"
        taken.add(safe)
        found.append(dotted(safe))
    return tuple(found)


def imported(given: PythonObject) -> tuple[str, str, Code]:
    """What to import for the user's object, and the expression that then names it.

    Returns:
        The module, the name to import from it (renamed where it would hide one of the
        script's), and the expression.
    """
    top, _, rest = str(dotted(given.name)).partition(".")
    known = f"user_{top}" if top in RESERVED | SAMPLE or NUMBERED.match(top) else top
    name = top if known == top else f"{top} as {known}"
    return str(dotted(given.module)), name, Code(f"{known}.{rest}" if rest else known)


def importing(given: PythonObject) -> tuple[Code, Code]:
    """The import within a function of the script, and the object's name there."""
    module, name, expression = imported(given)
    return import_lines([(module, name)], indent=4), expression
