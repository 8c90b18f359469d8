"""A `.pt2` archive, rebuilt in memory from what was checked.

Its layout: `torch/export/pt2_archive/_package.py`. What torch gets to open is written
here, so that two readers of one zip file can't see two things in it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from torch.export.pt2_archive import PT2ArchiveWriter

from ....refusals import Damaged, Unsafe
from .index import members, opened
from .mapped import ONE_ELEMENT, Mapped, begins, stand_ins, whole
from .program import check_plain, cleaned_program, on_device, parsed

PROGRAM = "models/model.json"
SAMPLES = "data/sample_inputs/model.pt"
CONFIGS = {
    "data/weights/": ("data/weights/model_weights_config.json", r"weight_\d+"),
    "data/constants/": ("data/constants/model_constants_config.json", r"tensor_\d+"),
}
"""Folder of tensors → what describes them, and the names of their raw bytes."""

PLAIN_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|\.format_version|"
    r"\.storage_alignment|extra/.*|data/sample_inputs/\w+\.pt|"
    r"models/model\.json|data/(weights|constants)/model_(weights|constants)_config\.json|"
    r"data/weights/weight_\d+|data/constants/tensor_\d+"
)
"""Sample inputs are pickles; they and what is under extra/ are never read."""

REFUSED = (
    (r"data/aotinductor/", "native code (AOTInductor)"),
    (r"data/constants/custom_obj_", "custom objects, which are unpickled"),
    (r"data/constants/opaque_obj_", "pickled objects"),
    (
        r"data/(weights|constants)/.*\.pt$",
        "pickled tensors, as older versions of torch",
    ),
    (
        r"(.*/)?serialized_[a-z_]+\.(json|pt)$",
        "pickles, as torch before 2.8 saved them",
    ),
)
"""Members that torch.export.load unpickles or loads as a library."""

AGAIN = "Save the module again with torch.export.save."


@dataclass(frozen=True)
class Repacked:
    """An archive with all that a program needs, and nothing pickled.

    Attributes:
        data: What torch opens.
        mapped: Name of a weight that has no bytes there → where they are in the file.
    """

    data: io.BytesIO = field(default_factory=io.BytesIO)
    mapped: dict[str, Mapped] = field(default_factory=dict)


def repacked(path: Path, device: str | None, known: Set[str] = frozenset()) -> Repacked:
    """The archive with all that a program on `device` needs, and nothing pickled.

    Args:
        known: Operators, as `space::name`, that the caller answers for.

    Raises:
        Unsafe: It holds what could run, read or write something.
        Damaged: It is no archive of an exported program, or not a whole one.
    """
    with opened(path) as archive:
        _check_kind({name.partition("/")[2] for name in archive.namelist()})
        index = members(archive)
        _check_members(index)
        try:
            return _rebuilt(archive, index, device, known)
        except (BadZipFile, OSError, EOFError, KeyError) as error:
            raise Damaged(f"is damaged: {error}", AGAIN) from error


def _check_kind(index: Set[str]) -> None:
    """Raise Damaged where the archive is of another kind: TorchScript, torch.save."""
    if "constants.pkl" in index or any(name.startswith("code/") for name in index):
        raise Damaged(
            "is a TorchScript archive: there is no graph in it that torch.export reads",
            "Make the original nn.Module: give model.factory and model.weights, or "
            "torch.export.export it and torch.export.save that.",
        )
    if "data.pkl" in index:
        raise Damaged(
            "was written by torch.save, not by torch.export.save",
            "Weights go with `factory`: give model.factory and model.weights, or "
            "torch.export.export the module and torch.export.save that.",
        )


def _check_members(index: Mapping[str, ZipInfo]) -> None:
    for name in index:
        for pattern, what in REFUSED:
            if re.match(pattern, name):
                raise Unsafe(f"it holds {what} (`{name[:80]}`)")
    programs = [name for name in index if name.startswith("models/")]
    if PROGRAM not in index:
        found = (
            f"its programs are {', '.join(programs[:3])}" if programs else "it has none"
        )
        raise Damaged(f"holds no program called `model` ({found})", AGAIN)
    for name in index:
        if PLAIN_MEMBERS.fullmatch(name) is None:
            raise Unsafe(
                f"it holds `{name[:80]}`, which torch.export.save never writes"
            )


def _rebuilt(
    archive: ZipFile, index: Mapping[str, ZipInfo], device: str | None, known: Set[str]
) -> Repacked:
    def read(name: str) -> bytes:
        if name not in index:
            raise Damaged(f"is damaged: it has no `{name}`", AGAIN)
        return archive.read(index[name])

    if "byteorder" in index and read("byteorder").strip() != b"little":
        raise Damaged("was written on a machine of another byte order")
    made = Repacked()
    with PT2ArchiveWriter(made.data) as writer:
        writer.write_bytes("archive_version", read("archive_version"))
        writer.write_bytes(PROGRAM, cleaned_program(read(PROGRAM), device, known))
        writer.write_bytes(SAMPLES, b"")
        for folder, (config, raw) in CONFIGS.items():
            described = parsed(read(config), config)
            for name in _cleaned_config(described, raw, device):
                tensors = _tensors_in(described, name)
                if (
                    start := _stays(archive, index.get(folder + name), tensors)
                ) is None:
                    data = read(folder + name)
                    _check_size(described, name, len(data))
                else:
                    data = ONE_ELEMENT
                    made.mapped.update(stand_ins(tensors, start))
                writer.write_bytes(folder + name, data)
            writer.write_bytes(config, json.dumps(described).encode())
    made.data.seek(0)
    return made


def _tensors_in(described: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Name → form of each tensor in a member."""
    return {
        tensor: entry["tensor_meta"]
        for tensor, entry in described["config"].items()
        if entry["path_name"] == member
    }


def _stays(
    archive: ZipFile, info: ZipInfo | None, tensors: Mapping[str, Any]
) -> int | None:
    """Where a member begins that may stay where it is: each tensor in it is all of it."""
    if info is None or not all(
        whole(meta, info.file_size) for meta in tensors.values()
    ):
        return None
    return begins(archive, info)


def _cleaned_config(
    described: dict[str, Any], raw: str, device: str | None
) -> list[str]:
    """Put all tensors on `device`; the members that hold them."""
    config = described.get("config")
    if not isinstance(config, dict):
        raise Damaged("is damaged: its weights are not described", AGAIN)
    names = []
    for tensor, entry in config.items():
        check_plain(tensor)
        meta = entry.get("tensor_meta") if isinstance(entry, dict) else None
        if meta is None or entry.get("use_pickle") is not False:
            raise Unsafe(f"it holds `{tensor[:80]}` as a pickle")
        if re.fullmatch(raw, str(entry.get("path_name"))) is None:
            raise Unsafe(f"`{tensor[:80]}` is in a member with another name")
        meta["device"] = on_device(meta.get("device") or {}, device)
        names.append(entry["path_name"])
    return list(dict.fromkeys(names))


def _check_size(described: Mapping[str, Any], name: str, size: int) -> None:
    """No bytes are zeros to torch, of any size that is declared."""
    for tensor, entry in described["config"].items():
        sizes = [each.get("as_int") for each in entry["tensor_meta"].get("sizes", [])]
        if entry["path_name"] == name and size == 0 and 0 not in sizes:
            raise Damaged(f"is damaged: `{tensor}` has no bytes", AGAIN)
