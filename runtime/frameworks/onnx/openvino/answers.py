"""OpenVINO's own word on what its CPU plugin computes natively on this machine."""

from __future__ import annotations

from ....graph.graph import Precision
from ....hardware.answers import Answer, Device
from ...imported import imported

REMEDY = "Convert to bf16, or with `model.runtime: onnxruntime`."


def answer(precision: Precision, device: Device) -> Answer:
    """As `Adapter.answer`: whether the CPU plugin lists the precision."""
    if device != "cpu":
        return Answer(False, "narrowcast runs OpenVINO on the CPU only")
    imported("openvino", "OpenVINO", "onnx")
    from .executor import capabilities

    listed = capabilities()
    said = f"OPTIMIZATION_CAPABILITIES of its CPU plugin: {', '.join(sorted(listed))}"
    if precision is Precision.FP16 and "FP16" not in listed:
        said = f"it would compute the whole model in fp32; {said}"
        return Answer(False, said, remedy=REMEDY, anywhere=False)
    return Answer(str(precision).upper() in listed, said)
