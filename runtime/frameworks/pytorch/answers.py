"""PyTorch's own word on what it computes natively on this machine."""

from __future__ import annotations

from functools import partial

from ...graph.graph import Precision
from ...hardware.answers import Answer, Device
from ..imported import imported
from .running.device import absent

_torch = partial(imported, "torch", "PyTorch", "pytorch")


def answer(precision: Precision, device: Device) -> Answer:
    """As `Adapter.answer`.

    On the CPU it is oneDNN that answers, since its kernels do the contractions.
    """
    return cpu_answer(precision) if device == "cpu" else cuda_answer()


def cpu_answer(precision: Precision) -> Answer:
    """oneDNN's answer; no if this build has no oneDNN (macOS) or is too old to say."""
    name = f"_is_mkldnn_{precision}_supported"
    call = f"torch.ops.mkldnn.{name}"
    question = getattr(_torch().ops.mkldnn, name, None)
    if question is None:
        return Answer(False, f"this PyTorch has no {call}")
    supported = bool(question())
    return Answer(supported, f"{call}() is {supported}")


def cuda_answer() -> Answer:
    """The current CUDA device and its compute capability."""
    torch = _torch()
    cuda = torch.cuda
    if not cuda.is_available():
        return Answer(False, absent(torch))
    major, minor = cuda.get_device_capability()
    said = f"{cuda.get_device_name()} has {major}.{minor}"
    return Answer(True, said, (major, minor))


def devices() -> tuple[str, ...]:
    """Every CUDA device, with its compute capability."""
    cuda = _torch().cuda
    count = cuda.device_count() if cuda.is_available() else 0
    return tuple(
        f"{cuda.get_device_name(index)}, compute capability {{}}.{{}}".format(
            *cuda.get_device_capability(index)
        )
        for index in range(count)
    )
