"""One way to trace, place and save, and the MNIST example's files."""

from __future__ import annotations

import copy
import os
import runpy
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import placements
import pytest

if "SWEEP" not in os.environ:
    # Spares inductor the programs by which it asks what the compiler can do: 5 s each.
    os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")

import torch
import warm

from narrowcast.codegen import compile_script, render
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch import Program
from narrowcast.runtime.frameworks.pytorch.running.device import absent
from narrowcast.runtime.graph.graph import Precision
from narrowcast.spec import loads

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"

torch.set_num_threads(1)
warm.spawned()


class Tools:
    """Tracing and placing as a generated script does, in one line each."""

    @staticmethod
    def trace(
        model: torch.nn.Module,
        *batch: torch.Tensor,
        low: Precision = Precision.BF16,
        shapes: Sequence[tuple[int | str, ...]] = (),
        outputs: Sequence[str] = (),
    ) -> Program:
        """Trace in evaluation mode; the first dimension is dynamic unless `shapes` says."""
        declared = shapes or [("batch", *value.shape[1:]) for value in batch]
        inputs = [
            Input(f"input{k}", shape, str(value.dtype).removeprefix("torch."))
            for k, (shape, value) in enumerate(zip(declared, batch, strict=True))
        ]
        return pytorch.trace(
            model.eval(), batch, low=low, inputs=inputs, outputs=outputs
        )

    all_low = staticmethod(placements.all_low)
    all_fp32 = staticmethod(placements.all_fp32)

    @staticmethod
    def leaves(outputs: Any) -> list[torch.Tensor]:
        found = torch.utils._pytree.tree_leaves(outputs)
        return [leaf.detach() for leaf in found if isinstance(leaf, torch.Tensor)]

    @classmethod
    def error(cls, expected: Any, found: Any) -> float:
        """RMS of the difference over the RMS of `expected`, the largest over outputs."""
        pairs = zip(cls.leaves(expected), cls.leaves(found), strict=True)
        return max(
            float((b.double() - a.double()).norm() / a.double().norm())
            for a, b in pairs
        )

    @staticmethod
    def errors(program: Program, names: Sequence[str]) -> dict[str, float]:
        """Op id → the output error when only it computes in bf16."""
        return {name: program.error(Precision.BF16, (name,)) for name in names}

    @classmethod
    def in_fp64(cls, model: torch.nn.Module, *batch: torch.Tensor) -> Any:
        """What a double-precision copy of the model computes."""
        wide = [
            value.double() if value.is_floating_point() else value for value in batch
        ]
        with torch.no_grad():
            return copy.deepcopy(model).double().eval()(*wide)


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Where a test runs: the CPU and, where there is one, the GPU."""
    name: str = request.param
    return name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "cuda" not in DEVICES:
        terminalreporter.write_line(f"not run on a GPU: {absent(torch)}")


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def python() -> Python:
    """Runs Python in a process of its own, with one thread."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        forced = {"OMP_NUM_THREADS": "1", "FORCE_BF16": "1"}
        variables = {**os.environ, **forced, **env}
        # Code that opens a file without narrowcast must import what it needs itself.
        start = warm.newly if arguments[0] == "-c" else warm.run
        return start([*map(str, arguments)], cwd, variables, timeout=240)

    return run


@pytest.fixture(scope="session")
def mnist_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and digits, out of the packages that ship them."""
    folder = tmp_path_factory.mktemp("mnist") / "data"
    runpy.run_path(str(EXAMPLE / "prepare.py"))["main"](folder)
    return folder


Script = Callable[[str], tuple[int, str]]


@pytest.fixture
def script(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Script:
    """Generates a spec's script in `tmp_path` and runs it in this process.

    Fast, for what fails before a model is saved; gives the exit code and stderr.
    """
    monkeypatch.setenv("FORCE_BF16", "1")
    monkeypatch.syspath_prepend(tmp_path)

    def run(text: str) -> tuple[int, str]:
        spec, path = loads(text), tmp_path / "convert_net.py"
        path.write_text(render(compile_script(spec, tmp_path / "net.yaml", path)))
        made = runpy.run_path(str(path))
        code = made["command_line"](str(path), made["NAME"], made["convert"], [])
        return code, capfd.readouterr().err

    return run
