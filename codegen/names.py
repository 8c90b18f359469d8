"""The user's names in a script: none hides one of the script's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from narrowcast.spec.sections.tuning import OBJECTIVES
from narrowcast.spec.spec import PythonObject

from .writing.code import Code, dotted
from .writing.imports import import_lines

OWN = """
A100 Any Budget Callable Converted Criterion Data Drift Input Iterator Metric Model Path
Pins Precision Report Requirements Run Sources TYPE_CHECKING X86_BF16 X86_FP16

annotations array arrays block_model cache command_line conversion converted data fed
found fused inputs keras keras_model labels load_frozen_graph load_keras
load_keras_weights load_onnx load_parameters load_safetensors load_saved_model
load_state_dict load_symbol low lows mean model mx mxnet np npt onnxruntime open_pt2
open_supplied openvino portable profile pytorch run source std subject sys
tensorflow tensorrt tf torch

BUDGET CRITERION DATA DRIFT HERE INPUTS LOW MODEL NAME PINS REQUIREMENTS SEED SOURCES TOKENIZER WEIGHTS

batches convert convert_to dataset eval_func load_model metric open_model prepare

float tuple
"""
DATASETS = """
Arrays Balanced CocoArrays CocoImages CocoRecords Constant Decoded ImageFolder ImageRecords
Indexed ListedImages Random RawRecords Sparse StylePairs Trimmed Uniform VocRecords made

CONTENT IMAGE_LIST STYLE

imagenet npy_folder read_cifar10 read_cifar100 read_csv read_fashion_mnist read_features
read_glue read_jsonl read_mnist read_npy read_npz read_parquet read_squad tokenized
wav_folder
"""
TRANSFORMS = """
Step at_random own_transform transform transform_2 transform_3

align_channels bilinear_imagenet center_crop channels_first channels_last color_jitter
crop_resize crop_to_bounding_box decode_image encode_jpeg normalize pad padded_center_crop
quantized_input random_crop random_horizontal_flip random_resized_crop
random_vertical_flip resize resize_crop_imagenet resize_shorter resize_with_aspect_ratio
resize_with_ratio to_array to_pil_image to_tensor transpose
"""
METRICS = """
Accuracy AveragePrecision BLEU Collect Correlation F1 Loss MAE MIoU MSE Matthews Order ROC
RMSE Several SquadF1 SquadV1 TopK Weighted
shifted
CLASSES QUESTIONS VOCABULARY
"""
RESERVED = frozenset(
    {
        *OWN.split(),
        *OBJECTIVES.values(),
        *DATASETS.split(),
        *TRANSFORMS.split(),
        *METRICS.split(),
    }
)
"""Imports, constants and functions, local names, and builtins that a script uses."""

SAMPLE = frozenset({"image", "label", "generator"})
"""Local names of `prepare`: inputs may be called so, in other functions."""

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
        while safe in taken or keyword.iskeyword(safe):
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
    known = f"user_{top}" if top in RESERVED | SAMPLE else top
    name = top if known == top else f"{top} as {known}"
    return str(dotted(given.module)), name, Code(f"{known}.{rest}" if rest else known)


def importing(given: PythonObject) -> tuple[Code, Code]:
    """The import within a function of the script, and the object's name there."""
    module, name, expression = imported(given)
    return import_lines([(module, name)], indent=4), expression
