"""What `doctor` reports, of described machines and of this one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from narrowcast.runtime.common.version import VERSION
from narrowcast.runtime.doctor.doctor import Report, examine, render, to_json
from narrowcast.runtime.doctor.interview import Asked, ask
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.hardware.answers import FRAMEWORKS, Answer
from narrowcast.runtime.hardware.cpu import Cpu, Source, read_cpu
from narrowcast.runtime.hardware.instructions import found_flags

BF16, FP16 = Precision.BF16, Precision.FP16


def recorded(name: str) -> Cpu:
    text = (Path(__file__).parent / "cpus" / f"{name}.txt").read_text()
    return read_cpu(Source("Linux", "x86_64", text))


def answered(distribution: str) -> Asked:
    return Asked(
        answers={
            (BF16, "cpu"): Answer(True, "has_bf16() is True"),
            (FP16, "cpu"): Answer(False, "has_fp16() is False"),
            (BF16, "cuda"): Answer(True, "Tesla T4 has 7.5", (7, 5)),
            (FP16, "cuda"): Answer(True, "Tesla T4 has 7.5", (7, 5)),
        },
        devices=("Tesla T4, compute capability 7.5",),
    )


def unasked(distribution: str) -> Asked:
    raise AssertionError("a framework that is not installed was asked")


def broken(distribution: str) -> Asked:
    return Asked({}, problem="was killed by SIGILL when asked")


def verdicts(report: Report) -> dict[tuple[str, str], bool]:
    return {
        (verdict.precision, verdict.device): not verdict.reasons
        for framework in report.frameworks
        if framework.version is not None
        for verdict in framework.verdicts
    }


def described(cpu: Cpu) -> Report:
    environ = {"FORCE_BF16": "1", "FORCE_FP16": "yes", "HOME": "/"}
    return examine(cpu, environ, {"torch": "2.13.0"}.get, answered)


def test_a_verdict_needs_both_the_system_and_the_framework() -> None:
    assert verdicts(described(recorded("sapphire_rapids"))) == {
        ("bf16", "cpu"): True,
        ("fp16", "cpu"): False,
        ("bf16", "cuda"): False,
        ("fp16", "cuda"): True,
    }
    assert not verdicts(described(recorded("ice_lake")))["bf16", "cpu"]


def test_the_text_has_both_answers_the_reasons_and_what_is_forced() -> None:
    text = render(described(recorded("sapphire_rapids")))
    for part in (
        f"narrowcast {VERSION}",
        "Intel(R) Xeon(R) Platinum 8457C (x86)",
        "bf16     yes: /proc/cpuinfo shows amx_bf16, avx512_bf16",
        "fp16     yes: /proc/cpuinfo shows avx512_fp16",
        "PyTorch    2.13.0",
        "bf16 on cpu: yes\n    has_bf16() is True",
        "disagree: the CPU (Intel(R) Xeon(R) Platinum 8457C) has avx512_fp16",
        "bf16 needs CUDA compute capability 8.0; Tesla T4 has 7.5",
        "fp16 on cuda: yes",
        "CUDA device: Tesla T4, compute capability 7.5",
        "FORCE_BF16=1 (missing hardware is only a warning)",
        "FORCE_FP16=yes (no effect; only 1 counts)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("cpu", "line"),
    [
        (recorded("ice_lake"), "no: /proc/cpuinfo does not show avx512_bf16"),
        (read_cpu(Source("Windows", "AMD64", "")), "unknown: IsProcessorFeature"),
        (read_cpu(Source("Linux", "riscv64", "")), "no: no instructions are known"),
    ],
)
def test_the_text_tells_no_from_unknown(cpu: Cpu, line: str) -> None:
    assert f"bf16     {line}" in render(described(cpu))


def test_a_machine_without_frameworks_is_examined() -> None:
    report = examine(recorded("zen_4"), {}, lambda name: None, unasked)
    assert not any(verdicts(report).values())
    text = render(report)
    assert "PyTorch    not installed: pip install 'narrowcast[pytorch]'" in text
    assert "FORCE_BF16, FORCE_FP16 are not set" in text


def test_a_broken_framework_is_reported() -> None:
    report = examine(recorded("zen_4"), {}, lambda name: "2.13.0", broken)
    assert not any(verdicts(report).values())
    assert "PyTorch was killed by SIGILL when asked." in render(report)


def test_json_holds_the_whole_report() -> None:
    report = described(recorded("zen_4"))
    told = json.loads(to_json(report))
    assert told["cpu"]["model"] == report.cpu.model
    assert told["cpu"]["flags"] == sorted(report.cpu.flags)
    assert told["frameworks"][0]["verdicts"][0]["precision"] == "bf16"
    assert to_json(report) == to_json(described(recorded("zen_4")))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, torch: str) -> None:
    """Put a torch of our own before any other, for child processes too."""
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(torch)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(
    ("torch", "problem"),
    [
        ("raise ImportError('libtorch.so: no such file')", "libtorch.so: no such file"),
        ("raise OSError('a DLL failed')", "a DLL failed"),
        ("raise RuntimeError('wrong NumPy')", "RuntimeError: wrong NumPy"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "SIGILL"),
        ("import os; os._exit(7)", "exited with status 7"),
        ("import time; time.sleep(600)", "gave no answer within 2 s"),
    ],
)
def test_a_broken_install_stays_in_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch: str, problem: str
) -> None:
    install(tmp_path, monkeypatch, torch)
    seconds = 2.0 if "sleep" in torch else 60.0
    asked = ask("torch", seconds)
    assert asked.answers == {}
    assert problem in asked.problem


def test_this_machine_is_examined() -> None:
    report = examine()
    assert report.cpu == read_cpu()
    assert render(report).startswith(f"narrowcast {VERSION}")
    assert [f.title for f in report.frameworks] == [
        framework.title for framework in FRAMEWORKS.values()
    ]
    for flags in report.flags:
        assert bool(flags.found) == bool(found_flags(flags.precision, report.cpu))
    for name, value in report.forced:
        assert os.environ[name] == value
    for (precision, device), possible in verdicts(report).items():
        if possible and device == "cpu":
            assert found_flags(Precision(precision), report.cpu)
