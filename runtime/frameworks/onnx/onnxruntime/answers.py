"""What ONNX Runtime's CPU provider computes."""

from __future__ import annotations

from ....graph.graph import Precision
from ....hardware.answers import Answer, Device
from ...imported import imported


def answer(precision: Precision, device: Device) -> Answer:
    """As `Adapter.answer`: fp16 through fp32, bf16 not at all, on CPUs alone."""
    ort = imported("onnxruntime", "ONNX Runtime", "onnx")
    providers = ", ".join(ort.get_available_providers())
    if device != "cpu":
        return Answer(
            False, f"narrowcast runs its CPU provider only; it has {providers}"
        )
    if precision is Precision.BF16:
        return Answer(
            False,
            "its CPU provider has no bf16 arithmetic",
            remedy="Write `model.runtime: openvino`, or `precisions: fp16`.",
        )
    return Answer(True, "its CPU provider executes fp16 through fp32 where it must")
