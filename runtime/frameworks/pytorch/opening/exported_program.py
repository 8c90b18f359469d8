"""Opening an exported program, `.pt2`, without running what may be hidden in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import torch
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass
from torch.export.pt2_archive._package import load_pt2

from ....common.errors import DamagedError, ModelError, UnsafeError
from ...inputs import Input
from ...opening.named import not_there
from ...refusals import Damaged, Unsafe, shown
from ..ir.training import check_inference
from .program_inputs import check_inputs
from .untrusted.archive import AGAIN, repacked
from .untrusted.index import wrong_sum
from .untrusted.mapped import put_in
from .untrusted.operators import QUANTIZED

TRUST = (
    "Save it again with torch.export.save from plain tensors; if you trust where it "
    "comes from, write `trust: true` under `model`: opening it may then run anything."
)


def open_pt2(
    path: Path,
    inputs: Sequence[Input] = (),
    *,
    device: str = "cpu",
    trust: bool = False,
    place: str = "",
) -> ExportedProgram:
    """Open what torch.export.save wrote.

    Args:
        path: The `.pt2` file.
        inputs: The inputs as the spec declares them; without any, the program's own.
        device: Where its weights and its graph are put, wherever it was exported.
        trust: Open it with torch.export.load, which unpickles and evaluates what the
            file holds. Without it, what was checked member by member is opened.
        place: What messages start with; else the spec's key.

    Raises:
        ModelError: It is missing, no exported program, not safe to open, was exported
            in training mode, or does not take `inputs`.
    """
    place = place or f"model.path: {path.name}"
    program = _trusted(path, place, device) if trust else checked(path, place, device)
    check_inference(program.graph_module, place)
    if inputs:
        check_inputs(program, inputs, place)
    return program


def checked(
    path: Path,
    place: str,
    device: str | None = None,
    remedy: str = TRUST,
    known: Set[str] = frozenset(),
) -> ExportedProgram:
    """The program, out of an archive that holds nothing but a program.

    Args:
        place: What messages start with.
        device: Where it is put; None for where it was exported.
        remedy: What to do about a file that is not safe to open.
        known: Operators, as `space::name`, that the caller answers for.

    Raises:
        ModelError: It is missing, no exported program, or not safe to open.
    """
    try:
        archive = repacked(path, device, known)
        with _quiet():
            program: ExportedProgram = load_pt2(archive.data).exported_programs["model"]
        put_in(program, path, archive.mapped)
        return program
    except Unsafe as unsafe:
        raise UnsafeError(f"{place} is not opened: {unsafe}", remedy) from unsafe
    except Damaged as damaged:
        raise DamagedError(f"{place} {damaged}", damaged.remedy or AGAIN) from damaged
    except OSError as error:
        raise _unreadable(path, place, error) from error
    except Exception as error:  # torch's reader fails in its own and Python's types
        raise ModelError(*_refused_by_torch(place, error)) from error


def _trusted(path: Path, place: str, device: str) -> ExportedProgram:
    try:
        _check_sums(path, place)
        import_module(QUANTIZED)  # of what it calls, torch.export.load imports nothing
        with _quiet():
            program = torch.export.load(path)
    except ModelError:
        raise
    except OSError as error:
        raise _unreadable(path, place, error) from error
    except Exception as error:
        raise ModelError(*_refused_by_torch(place, error)) from error
    return move_to_device_pass(program, device)


def _check_sums(path: Path, place: str) -> None:
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        damaged = wrong_sum(archive)
    if damaged:
        text = f"{place} is damaged: the checksum of `{shown(damaged[:80])}` is wrong"
        raise ModelError(text, AGAIN)


def _unreadable(path: Path, place: str, error: OSError) -> ModelError:
    if isinstance(error, FileNotFoundError):
        return not_there(path, place)
    return ModelError(f"{place} can't be read: {error.strerror or error}")


def _refused_by_torch(place: str, error: Exception) -> tuple[str, str]:
    said = next(filter(None, map(str.strip, str(error).splitlines())), "")
    return (
        f"{place} can't be opened: {type(error).__name__}: {said[:200]}",
        f"Export the module again with the torch that opens it, {torch.__version__}.",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's log lines and the tracebacks in them: the error is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
