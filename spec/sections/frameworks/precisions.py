"""Which precisions go together, and which a framework or runtime can't be had in."""

from collections.abc import Iterator, Sequence

from ...reading.codes import Code
from ..model import EXECUTED
from ..section import Problem

PRECISIONS = ("mixed_precision", "precisions")


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


def int8(
    precisions: Sequence[str], framework: str, runtime: str | None
) -> Iterator[Problem]:
    """Integers are for some models alone, beside one 16-bit precision."""
    lows = [low for low in ("bf16", "fp16") if low in precisions]
    low = "fp16" if runtime == "onnxruntime" else "bf16"
    if framework not in ("mxnet", "onnx"):
        text = "int8 is written for ONNX and MXNet models so far"
        rest = f"precisions: {', '.join(lows) or low}"
        yield Problem(text, rest, PRECISIONS, code=Code.ABILITY)
    elif framework == "onnx" and runtime not in EXECUTED:
        yield Problem(
            "int8 is written for what runs here so far: its ranges and kernels are tried",
            "model.runtime: openvino or onnxruntime",
            PRECISIONS,
            code=Code.ABILITY,
        )
    elif not lows:
        text = "int8 alone: ops that can't be quantized have no precision to go to"
        hint = f"precisions: [int8, {low}]"
        yield Problem(text, hint, PRECISIONS, code=Code.CHOICE)
    elif len(lows) > 1:
        text = "int8 stands beside one 16-bit precision, and there are two"
        hint = f"precisions: [int8, {low}]"
        yield Problem(text, hint, PRECISIONS, code=Code.CHOICE)
