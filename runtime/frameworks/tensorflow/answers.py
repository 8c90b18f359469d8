"""TensorFlow's own word on what it computes natively on this machine."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ...graph.graph import Precision
from ...hardware.answers import Answer, Device
from ..imported import imported


def _tensorflow() -> Any:
    with suppress(Exception):  # why it fails is said below
        from . import ir  # noqa: F401
    return imported("tensorflow", "TensorFlow", "tensorflow")


def answer(precision: Precision, device: Device) -> Answer:
    """As `Adapter.answer`.

    On the CPU its oneDNN kernels do the contractions: they are asked, and tried.
    """
    return cpu_answer(precision) if device == "cpu" else cuda_answer()


def cpu_answer(precision: Precision) -> Answer:
    """No if this build has no oneDNN kernels, or if a product in the precision fails."""
    tf = _tensorflow()
    from tensorflow.python.util import _pywrap_util_port

    enabled = bool(_pywrap_util_port.IsMklEnabled())
    said = f"IsMklEnabled() is {enabled}"
    if not enabled:
        return Answer(False, f"{said}: no oneDNN kernels (TF_ENABLE_ONEDNN_OPTS)")
    try:
        ones = tf.ones((16, 16), precision.dtype)
        right = bool(tf.reduce_all(tf.cast(tf.matmul(ones, ones), tf.float32) == 16.0))
    except (tf.errors.OpError, TypeError) as error:
        return Answer(False, f"MatMul in {precision.dtype}: {error}".splitlines()[0])
    return Answer(right, f"{said}, MatMul in {precision.dtype} is right: {right}")


def cuda_answer() -> Answer:
    """The first CUDA device and its compute capability."""
    found = _devices()
    if not found:
        tf = _tensorflow()
        built = bool(tf.test.is_built_with_cuda())
        return Answer(
            False,
            "tf.config.list_physical_devices('GPU') is empty"
            if built
            else f"this TensorFlow ({tf.version.VERSION}) is built without CUDA",
        )
    name, (major, minor) = found[0]
    return Answer(True, f"{name} has {major}.{minor}", (major, minor))


def devices() -> tuple[str, ...]:
    """Every CUDA device, with its compute capability."""
    return tuple(
        f"{name}, compute capability {major}.{minor}"
        for name, (major, minor) in _devices()
    )


def _devices() -> list[tuple[str, tuple[int, int]]]:
    config = _tensorflow().config
    details: list[dict[str, Any]] = [
        config.experimental.get_device_details(device)
        for device in config.list_physical_devices("GPU")
    ]
    return [
        (each.get("device_name", "GPU"), each["compute_capability"])
        for each in details
        if "compute_capability" in each
    ]
