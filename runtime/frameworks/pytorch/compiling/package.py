"""What a compiled package says of itself, read before any of its code runs."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._sympy.numbers import int_oo

from ....common.errors import DamagedError, DataError, ModelError
from ....common.files import sha256
from ....hardware.cpu import read_cpu
from ...protocol import Inputs

KEY = "narrowcast"
"""Of our entry in the package's metadata."""

INSTRUCTIONS = re.compile(
    r"s?sse|avx|amx|fma|f16c|bmi|abm|adx|sha|v?aes|v?pclmul|gfni|popcnt|movbe|asimd|sve"
    r"|fphp|bf16|i8mm"
)
"""How the names of flags begin that C++ compilers make use of."""

NARROW = {"bfloat16": torch.bfloat16, "float16": torch.float16}

AGAIN = "Run the script on this machine: it compiles the package anew."


@dataclass(frozen=True, slots=True)
class Form:
    """One input as the machine code takes it; a symbol for each size that varies."""

    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """What a package was compiled from, for and with.

    Attributes:
        source: sha256 of the `.pt2`.
        framework: Distribution and version.
        cpu: The CPU's name.
        flags: Its instruction sets; the machine code counts on them.
        inputs: In order.
        ranges: Symbol → least and largest size, None for no limit.
    """

    source: str
    framework: str
    cpu: str
    flags: tuple[str, ...]
    inputs: tuple[Form, ...]
    ranges: Mapping[str, tuple[int, int | None]]

    def metadata(self) -> dict[str, str]:
        """As inductor takes it."""
        return {KEY: json.dumps(asdict(self), sort_keys=True)}

    def check_machine(self, name: str) -> None:
        """Raise a ModelError where the CPU lacks what the package was compiled for."""
        lacks = sorted(set(self.flags) - read_cpu().flags)
        if lacks:
            raise ModelError(
                f"{name} was compiled for {self.cpu}; this CPU lacks {', '.join(lacks)}",
                AGAIN,
            )

    def narrowed(self, batch: Inputs) -> Inputs:
        """The batch with fp32 as bf16 or fp16 where the package was freed to take that."""
        forms = (*self.inputs, *(None for _ in batch[len(self.inputs) :]))
        return tuple(
            tensor.to(NARROW[form.dtype])
            if form and form.dtype in NARROW and tensor.dtype is torch.float32
            else tensor
            for form, tensor in zip(forms, batch, strict=False)
        )

    def check_batch(self, batch: Inputs) -> None:
        """Raise a DataError for what the machine code would misread: it checks nothing."""
        if len(batch) != len(self.inputs):
            raise DataError(
                f"{len(batch)} inputs, the package takes {len(self.inputs)}"
            )
        sizes: dict[str, int] = {}
        for k, (form, tensor) in enumerate(zip(self.inputs, batch, strict=True)):
            if not self._fits(form, tensor, sizes):
                wanted = ", ".join(map(str, form.shape))
                raise DataError(
                    f"input {k} is {_dtype(tensor)} {tuple(tensor.shape)}, the package "
                    f"was compiled for {form.dtype} ({wanted})",
                    "A size that varies must be a symbol in model.inputs.",
                )

    def _fits(self, form: Form, tensor: torch.Tensor, sizes: dict[str, int]) -> bool:
        def fits(wanted: int | str, size: int) -> bool:
            if isinstance(wanted, int):
                return size == wanted
            least, most = self.ranges.get(wanted, (0, None))
            within = least <= size and (most is None or size <= most)
            return within and sizes.setdefault(wanted, size) == size

        return (
            form.dtype == _dtype(tensor)
            and len(form.shape) == tensor.dim()
            and all(map(fits, form.shape, tensor.shape))
        )


def about(program: torch.export.ExportedProgram, saved: Path) -> About:
    """What a package of this program will say, compiled here and now."""
    cpu = read_cpu()
    return About(
        source=sha256(saved),
        framework=f"torch {torch.__version__}",
        cpu=cpu.model,
        flags=tuple(sorted(filter(INSTRUCTIONS.match, cpu.flags))),
        inputs=tuple(
            Form(_dtype(value), tuple(map(_size, value.shape)))
            for value in input_values(program)
        ),
        ranges={
            str(symbol): (
                int(bounds.lower),
                None if bounds.upper == int_oo else int(bounds.upper),
            )
            for symbol, bounds in program.range_constraints.items()
        },
    )


def read_about(path: Path) -> About:
    """What a package says of itself; nothing of it is executed.

    Raises:
        ModelError: The file is missing, damaged, or no package that narrowcast compiled.
    """
    if not path.is_file():
        raise ModelError(
            f"{os.fspath(path)} does not exist", "Run the conversion first."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch checks no sums
            names = [n for n in archive.namelist() if n.endswith("metadata.json")]
            said = json.loads(json.loads(archive.read(names[0]))[KEY])
        known = _parsed(said)
    except (OSError, zipfile.BadZipFile, LookupError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path.name} is no package that narrowcast compiled", AGAIN
        ) from error
    if damaged:
        raise DamagedError(
            f"{path.name} is damaged: {damaged} is not as written", AGAIN
        )
    return known


def input_values(program: torch.export.ExportedProgram) -> tuple[torch.Tensor, ...]:
    """The user's inputs as torch.export has them: dtypes and symbolic shapes."""
    wanted = set(program.graph_signature.user_inputs)
    placeholders = program.graph.find_nodes(op="placeholder")
    return tuple(node.meta["val"] for node in placeholders if node.name in wanted)


def _parsed(said: Mapping[str, Any]) -> About:
    return About(
        **{key: str(said[key]) for key in ("source", "framework", "cpu")},
        flags=tuple(said["flags"]),
        inputs=tuple(Form(one["dtype"], tuple(one["shape"])) for one in said["inputs"]),
        ranges={name: (least, most) for name, (least, most) in said["ranges"].items()},
    )


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _size(size: int | torch.SymInt) -> int | str:
    return size if isinstance(size, int) else str(size)
