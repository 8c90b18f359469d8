"""Where a model runs, and waiting for it: a GPU returns before it has computed."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ....common.errors import RequirementError
from ...protocol import Inputs

CPU = torch.device("cpu")

LARGEST = 1 << 26
"""Bytes of a list of weights; more is none that torch wrote."""


def of_batch(batch: Inputs) -> torch.device:
    """The device of a batch, which is the model's too."""
    tensors = (value for value in batch if isinstance(value, torch.Tensor))
    return next((tensor.device for tensor in tensors), CPU)


def of_model(model: Callable[..., Any]) -> torch.device:
    """The device of a module's first weight."""
    if not isinstance(model, torch.nn.Module):
        return CPU
    weights = (each for each in (*model.parameters(), *model.buffers()))
    return next((weight.device for weight in weights), CPU)


def finished(
    calls: Mapping[str, Callable[[], object]], device: torch.device
) -> dict[str, Callable[[], None]]:
    """The calls, each until what it started on the device is done: a clock stops then."""
    wait = partial(torch.get_device_module(device).synchronize, device)
    return {name: partial(_in_turn, call, wait) for name, call in calls.items()}


def _in_turn(call: Callable[[], object], wait: Callable[[], object]) -> None:
    call()
    wait()


def release(device: torch.device) -> None:
    """Give cached memory back: the fresh process that checks a file needs its own."""
    empty_cache = getattr(torch.get_device_module(device), "empty_cache", None)
    if empty_cache is not None:
        empty_cache()


def check_device(path: Path) -> None:
    """Say so if a `.pt2` archive needs a device that is not here.

    Raises:
        RequirementError: Its weights were written on a GPU, and there is none.
    """
    if "cuda" in _devices(path) and not torch.cuda.is_available():
        raise RequirementError(
            f"{path.name} was converted for a CUDA device: {absent(torch)}",
            "Run it where a CUDA device is, or convert with `device: cpu`.",
        )


def _devices(path: Path) -> set[str]:
    """Types of the devices that the archive's tensors are opened on."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if _is_config(m)]
            configs = [json.loads(archive.read(member)) for member in members]
    except (zipfile.BadZipFile, OSError, ValueError):
        return set()
    return set().union(*map(_named, configs))


def _is_config(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith("_config.json") and member.file_size < LARGEST


def _named(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    device = value.get("device")
    here = {str(device.get("type"))} if isinstance(device, dict) else set()
    return here.union(*map(_named, value.values()))


def absent(torch: ModuleType) -> str:
    """Why PyTorch has no CUDA device."""
    if not torch.backends.cuda.is_built():
        return f"this PyTorch ({torch.__version__}) is built without CUDA"
    said = "torch.cuda.is_available() is False"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return said if visible is None else f"{said}, CUDA_VISIBLE_DEVICES is {visible!r}"
