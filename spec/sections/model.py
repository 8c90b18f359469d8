"""`model`: what is converted."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from .fields import (
    Among,
    File,
    Flag,
    Identifier,
    PythonName,
    Refused,
    Text,
)
from .inputs import (
    InputSection,
    OutputKeys,
    OutputSection,
    written,
    written_outputs,
)
from .section import Section, Table

FRAMEWORKS: Mapping[str, str] = {
    "pytorch": "pytorch",
    "pytorch_fx": "pytorch",
    "pytorch_ipex": "pytorch",
    "tensorflow": "tensorflow",
    "tensorflow_itex": "tensorflow",
    "mxnet": "mxnet",
    "onnx": "onnx",
    "onnxrt_integerops": "onnx",
    "onnxrt_qdq": "onnx",
    "onnxrt_qlinearops": "onnx",
    "onnxrt_qoperator": "onnx",
}
"""The name written → ours."""

EXECUTED = ("openvino", "onnxruntime")
RUNTIMES = (*EXECUTED, "tensorrt", "any")
"""What executes an onnx model."""

UNSAID = "NA"
"""Neural Compressor's word for a framework that is found out."""

NAMED = "write pytorch, tensorflow, mxnet or onnx here, or give it as --framework"
INSTEAD: Mapping[str, str] = {
    UNSAID: NAMED,
    "keras": "write framework: tensorflow, which opens Keras models",
    "inteltensorflow": "write framework: tensorflow",
    "engine": "write framework: onnx and the model that the engine's was made of",
}
"""Names of Neural Compressor that are no framework here → what to write instead."""


def slug(name: str) -> str:
    """The model's name as a file name's stem: ASCII letters, digits, `_`, `.`, `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-")


def _name(name: str) -> str:
    if not name.isprintable():
        raise Refused("the name holds a control character", "use one printable line")
    if not slug(name):
        raise Refused(
            "the name makes no file name", "use at least one of A-Z, a-z, 0-9"
        )
    return name


def _named(value: object) -> object:
    """A factory's name alone, which is called without arguments, → its section."""
    if isinstance(value, str):
        return {"python": value}
    if value is None or isinstance(value, Mapping | FactorySection):
        return value
    raise Refused(
        "this names no factory",
        "write package.module:callable, or {python: package.module:callable, args: {…}}",
    )


class FactorySection(Section):
    """A callable that makes the model, and what it is called with."""

    python: PythonName = Field(
        description="A callable that makes the model, as `package.module:callable`; "
        "`package.module:Class.method` too."
    )
    args: Table[Identifier, Any] = Field(
        default={},
        description="Keyword arguments that it is called with; a text that starts with "
        "./ or ../ is a path, relative to the spec.",
    )


class ModelKeys(Section):
    """The keys of a model, by themselves; `frameworks` has the rules between them."""

    name: Annotated[str, Field(max_length=100), AfterValidator(_name)] = Field(
        description="The model's name; files that are written are called after it."
    )
    framework: Annotated[str, Among(tuple(FRAMEWORKS), INSTEAD, (UNSAID,))] = Field(
        description="The framework of the model: pytorch, tensorflow, mxnet or onnx; "
        "left out, --framework tells it, or the ending of path or --model."
    )
    runtime: Annotated[str, Among(RUNTIMES)] | None = Field(
        default=None,
        description="What executes an onnx model: openvino (the default), onnxruntime "
        "(the default for fp16 alone), tensorrt or any; files for the last two are "
        "checked, not executed.",
    )
    path: File | None = Field(
        default=None,
        description="The trained model: .pt2 (pytorch); a SavedModel's folder, .pb, "
        ".keras, .h5 (tensorflow); -symbol.json (mxnet); .onnx.",
    )
    signature: Text | None = Field(
        default=None,
        description="The signature of a SavedModel that is converted; serving_default.",
    )
    factory: Annotated[
        FactorySection | None,
        BeforeValidator(_named, json_schema_input_type=str | FactorySection | None),
    ] = Field(
        default=None,
        description="A callable that makes the model, as `package.module:callable`; "
        "one that takes arguments as `{python: package.module:callable, args: {…}}`.",
    )
    weights: File | None = Field(
        default=None,
        description="Trained weights: safetensors, the index of several, or a state "
        "dict of plain tensors (pytorch), .weights.h5 (tensorflow), .params (mxnet).",
    )
    strip_prefix: Text | None = Field(
        default=None,
        description="What all names in weights begin with and the module's names don't: "
        "`module.` (pytorch).",
    )
    trust: Flag = Field(
        default=False,
        description="Open path or weights unchecked: code in them may run.",
    )
    inputs: Annotated[
        tuple[InputSection, ...],
        BeforeValidator(
            written, json_schema_input_type=str | tuple[str | InputSection, ...] | None
        ),
    ] = Field(
        default=(), description="The inputs in the order that the dataset gives them."
    )
    outputs: Annotated[
        tuple[OutputSection, ...],
        BeforeValidator(
            written_outputs,
            json_schema_input_type=str
            | tuple[str, ...]
            | dict[str, OutputKeys | None]
            | None,
        ),
    ] = Field(
        default=(),
        description="The outputs that are kept, in order: their names, or "
        "`{logits: {dtype: bfloat16}}` where the converted model returns 16 bits.",
    )

    @property
    def fed(self) -> tuple[InputSection, ...]:
        """The inputs that data gives: not those that always are the same."""
        return tuple(each for each in self.inputs if not each.is_fixed)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that are kept, in order."""
        return tuple(each.name for each in self.outputs)
