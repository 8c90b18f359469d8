"""A saved model as an AOTInductor package: machine code with frozen weights.

A package is compiled from the `.pt2`, so that it holds the same ops, dtypes and casts;
inductor fuses what lies between contractions, and rounds less often on the way.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from ....common.errors import ModelError
from ....common.files import write_bytes
from ....common.processes.fresh import FreshProcess
from ...protocol import Predict
from ..running.predict import predictor
from ..running.switches import hold_fp32
from ..writing.archive import opened
from .floats import keep_floats
from .narrow import cast_apart
from .package import About, about, read_about

SETTINGS = {
    # Weights are constants: folded, and packed into oneDNN's layouts.
    "freezing": True,
    # Threads are counted when the machine code runs: their number is the deployer's.
    "cpp.dynamic_threads": True,
    # They'd take longer to compile than they save, and lie outside of the cache folder.
    "aot_inductor.precompile_headers": False,
    "cpp_cache_precompile_headers": False,
    # Debug information: paths of this machine, and a megabyte for a small model.
    "aot_inductor.enable_line_tables": False,
}

EAGER = "Write tuning.execution: eager to do without a compiled package."

COMPILING = FreshProcess("compiled the package", f"It takes much memory. {EAGER}")


def compile_saved(saved: Path, package: Path) -> Path:
    """Compile a `.pt2` that `Program.save` wrote, in a fresh process.

    The package is put in place at once; nothing else is left behind.

    Raises:
        ModelError: Inductor or the C++ compiler fails, in their words.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        made = COMPILING.call(_compile, saved, Path(scratch))
        return write_bytes(package, made.read_bytes())


def load_compiled(path: Path) -> Predict:
    """Load a package's machine code; it takes and returns what the `.pt2` does.

    Through torch's own loader: `aoti_load_package` asks a C++ compiler first what the
    CPU can do, which the package's flags tell without one.

    Raises:
        ModelError: The file is missing, is no package of ours, or was compiled for
            another CPU.
    """
    known = read_about(path)
    known.check_machine(path.name)
    try:
        loader = torch._C._aoti.AOTIModelPackageLoader(
            os.fspath(path), "model", False, 1, -1
        )
    except Exception as error:
        raise ModelError(f"{path.name} can't be loaded: {_said(error)}") from error

    def call(*given: torch.Tensor) -> Any:
        batch = known.narrowed(given)
        known.check_batch(batch)
        # The machine code takes strides, like shapes, for what they were.
        return loader.boxed_run([value.contiguous() for value in batch])

    return predictor(call)


def _compile(saved: Path, scratch: Path) -> Path:
    """Compile in this process, every file in `scratch`."""
    for variable in ("TMPDIR", "TORCHINDUCTOR_CACHE_DIR"):
        os.environ[variable] = os.fspath(scratch)
    tempfile.tempdir = os.fspath(scratch)
    hold_fp32()
    program = opened(saved)
    _check_stateless(program)
    keep_floats(program.graph)
    cast_apart(program.graph)
    known = about(program, saved)
    # As large in memory as they say: strides are compiled in.
    program._example_inputs = tree_map_only(
        torch.Tensor, torch.Tensor.contiguous, program.example_inputs
    )
    package = scratch / "model.pt2"
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch._inductor.aoti_compile_and_package(
                program,
                package_path=os.fspath(package),
                inductor_configs=_settings(known),
            )
    except Exception as error:
        raise ModelError(
            f"{saved.name} can't be compiled: {_said(error)}", EAGER
        ) from error
    return package


def _check_stateless(program: torch.export.ExportedProgram) -> None:
    """Raise a ModelError for a model with state: frozen, it would never change."""
    written = program.graph_signature.buffers_to_mutate.values()
    for name in written:
        raise ModelError(
            f"the model changes its buffer {name} while it runs: it can't be compiled "
            "with frozen weights",
            EAGER,
        )


def _settings(known: About) -> dict[str, Any]:
    # Its import loads inductor, which only the process that compiles needs.
    from .passes import Passes

    return {
        **SETTINGS,
        "post_grad_custom_pre_pass": Passes(),
        "aot_inductor.metadata": known.metadata(),
    }


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()]
    return (wrong or lines or [type(error).__name__])[0]
