"""Which precisions go together, and which a framework or runtime can't be had in."""

from collections.abc import Iterator, Sequence

from ...reading.codes import Code
from ...reading.diagnostics import Steps
from ..inputs import LOWS
from ..model import EXECUTED, ModelKeys
from ..section import Problem

PRECISIONS = ("mixed_precision", "precisions")
BF16_BESIDE = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
"""Frameworks whose int8 kernels write floats in no other 16 bits → what they are called."""

FREES = ("pytorch", "onnx")
"""Frameworks whose inputs and outputs may be in 16 bits where the model has fp32."""


def choice(lows: Sequence[str], judged: bool) -> Iterator[Problem]:
    """Of two precisions something says which is better."""
    if len(lows) > 1 and not judged:
        text = "bf16 and fp16, and nothing is judged: nothing says which is better"
        yield Problem(text, "write one of them", PRECISIONS, code=Code.CHOICE)


def ability(
    lows: Sequence[str], framework: str, runtime: str | None, written: bool
) -> Iterator[Problem]:
    """The 16-bit precisions are some that the framework computes in.

    Args:
        written: Whether the spec names them.
    """
    if framework == "mxnet" and "fp16" in lows:
        text = "MXNet contracts in fp16 on no CPU"
        yield Problem(text, "precisions: bf16", PRECISIONS, code=Code.ABILITY)
    if runtime == "onnxruntime" and "bf16" in lows:
        yield Problem(
            "ONNX Runtime has no bf16 arithmetic on CPUs",
            "model.runtime: openvino executes bf16, any is for every runtime that "
            "does; ONNX Runtime has fp16",
            PRECISIONS if written else ("model", "runtime"),
            code=Code.ABILITY,
        )


def freed(model: ModelKeys, lows: Sequence[str], framework: str) -> Iterator[Problem]:
    """Inputs and outputs in 16 bits are in the precision that is converted to."""
    asked: list[tuple[Steps, str, str]] = [
        (("model", "inputs", row, "dtype"), each.name, str(each.dtype))
        for row, each in enumerate(model.inputs)
        if each.is_freed
    ]
    asked += [
        (("model", "outputs", each.name, "dtype"), each.name, each.dtype)
        for each in model.outputs
        if each.dtype in LOWS
    ]
    for at, name, dtype in asked:
        if framework not in FREES:
            yield Problem(
                f"inputs and outputs of {framework} models keep their dtypes so far, "
                f"and `{name[:60]}` is to be {dtype}",
                "leave it out, or write float32",
                at,
                code=Code.ABILITY,
            )
        elif len(lows) > 1:
            yield Problem(
                f"`{name[:60]}` is to be {dtype}, and there are two precisions",
                f"precisions: {LOWS[dtype]}",
                at,
                code=Code.CHOICE,
            )
        elif LOWS[dtype] not in lows:
            yield Problem(
                f"`{name[:60]}` is to be {dtype}, and precisions has no {LOWS[dtype]}",
                f"precisions: {LOWS[dtype]}, or leave the dtype out",
                at,
                code=Code.CHOICE,
            )


def int8(
    precisions: Sequence[str], framework: str, runtime: str | None, execution: str
) -> Iterator[Problem]:
    """Integers are for some models alone, beside one 16-bit precision."""
    lows = [low for low in ("bf16", "fp16") if low in precisions]
    low = "fp16" if runtime == "onnxruntime" else "bf16"
    hint = f"precisions: [int8, {low}]"
    if framework == "pytorch" and execution != "compile":
        yield Problem(
            "PyTorch runs int8 kernels compiled only: eager, they are floats between "
            "roundings, slower than fp32",
            "tuning.execution: compile",
            PRECISIONS,
            code=Code.ABILITY,
        )
    elif framework == "onnx" and runtime not in EXECUTED:
        yield Problem(
            "int8 is written for what runs here so far: its ranges and kernels are tried",
            "model.runtime: openvino or onnxruntime",
            PRECISIONS,
            code=Code.ABILITY,
        )
    elif not lows:
        text = "int8 alone: ops that can't be quantized have no precision to go to"
        yield Problem(text, hint, PRECISIONS, code=Code.CHOICE)
    elif len(lows) > 1:
        text = "int8 stands beside one 16-bit precision, and there are two"
        yield Problem(text, hint, PRECISIONS, code=Code.CHOICE)
    elif framework in BF16_BESIDE and lows != ["bf16"]:
        title = BF16_BESIDE[framework]
        text = f"{title}'s int8 kernels leave their floats in bf16, or in fp32"
        yield Problem(text, hint, PRECISIONS, code=Code.ABILITY)
