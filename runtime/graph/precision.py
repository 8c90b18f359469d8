"""The formats that ops compute in."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """A format that an op can compute in.

    int8's kernel takes integers that stand for floats, each with a scale: what an op
    in int8 takes is quantized for it.
    """

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    INT8 = "int8"

    @property
    def bytes(self) -> int:
        """Size of one element."""
        return {"fp32": 4, "int8": 1}.get(self.value, 2)

    @property
    def level(self) -> int:
        """int8's is the lowest, then come 16 bits and fp32."""
        return {"int8": 0, "fp32": 2}.get(self.value, 1)

    @property
    def dtype(self) -> str:
        """The name that NumPy and the frameworks give the format."""
        return {
            "fp32": "float32",
            "bf16": "bfloat16",
            "fp16": "float16",
            "int8": "int8",
        }[self.value]
