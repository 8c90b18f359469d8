"""The requirement check: what is missing is named, and nothing goes on silently."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import RequirementError, UsageError
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.hardware.answers import FRAMEWORKS, Answer, Device
from narrowcast.runtime.hardware.cpu import SIXTEEN_BIT, Cpu, Source, read_cpu
from narrowcast.runtime.hardware.forcing import check_forced
from narrowcast.runtime.hardware.instructions import CPU_FLAGS
from narrowcast.runtime.hardware.requirements import (
    Machine,
    Requirements,
    missing,
    require,
)
from narrowcast.runtime.hardware.versions import installed_version, release, required

BF16, FP16 = Precision.BF16, Precision.FP16
ROOT = Path(__file__).parents[2]


def recorded(name: str, machine: str = "x86_64", system: str = "Linux") -> Cpu:
    text = (Path(__file__).parent / "cpus" / f"{name}.txt").read_text()
    return read_cpu(Source(system, machine, text))


SAPPHIRE_RAPIDS = recorded("sapphire_rapids")
ICE_LAKE = recorded("ice_lake")
ZEN_4 = recorded("zen_4")
GRAVITON_3 = recorded("graviton_3", "aarch64")
CORTEX_A72 = recorded("cortex_a72", "aarch64")
APPLE_M1 = recorded("apple_m1", "arm64", "Darwin")
APPLE_M2 = recorded("apple_m2", "arm64", "Darwin")
WINDOWS = read_cpu(Source("Windows", "AMD64", "ProcessorNameString: AMD Ryzen 9 7950X"))
POWER = read_cpu(Source("Linux", "ppc64le", ""))


def yes(precision: Precision, device: Device) -> Answer:
    return Answer(True, f"the framework has {precision} on {device}", (9, 0))


def no(precision: Precision, device: Device) -> Answer:
    return Answer(False, f"has_{precision}({device}) is False")


def never(precision: Precision, device: Device) -> Answer:
    raise AssertionError("the framework was imported")


def check(
    precision: Precision = BF16,
    cpu: Cpu = ZEN_4,
    version: str | None = "2.13.0+cpu",
    answer: object = yes,
    device: Device = "cpu",
    **environ: str,
) -> Machine:
    assert callable(answer)
    requirements = Requirements("torch>=1.11", precision, device)
    return require(
        requirements, environ, answer, cpu=cpu, installed=lambda name: version
    )


@pytest.mark.parametrize(
    ("cpu", "precisions"),
    [
        (SAPPHIRE_RAPIDS, {BF16, FP16}),
        (ICE_LAKE, set()),
        (ZEN_4, {BF16}),
        (GRAVITON_3, {BF16, FP16}),
        (CORTEX_A72, set()),
        (APPLE_M1, {FP16}),
        (APPLE_M2, {BF16, FP16}),
        (WINDOWS, set()),
        (POWER, set()),
    ],
)
def test_real_cpus_have_the_precisions_that_they_have(
    cpu: Cpu, precisions: set[Precision]
) -> None:
    for precision in (BF16, FP16):
        requirements = Requirements("torch>=1.11", precision)
        lacks = missing(requirements, cpu, "2.13.0", yes)
        assert (not lacks) == (precision in precisions)


@given(
    st.sampled_from(["x86", "arm"]),
    st.sampled_from([BF16, FP16]),
    st.frozensets(st.sampled_from(sorted(frozenset().union(*SIXTEEN_BIT.values())))),
)
def test_flags_suffice_by_the_rule_of_the_design(
    architecture: str, precision: Precision, flags: frozenset[str]
) -> None:
    rule = {
        ("x86", BF16): "avx512_bf16" in flags or "amx_bf16" in flags,
        ("x86", FP16): "avx512_fp16" in flags or "amx_fp16" in flags,
        ("arm", BF16): "bf16" in flags,
        ("arm", FP16): "fphp" in flags and "asimdhp" in flags,
    }
    cpu = Cpu(architecture, "a CPU", flags)
    lacks = missing(Requirements("torch", precision), cpu, "2.13.0", yes)
    assert (not lacks) == rule[architecture, precision]


@given(
    version=st.sampled_from([None, "1.10.2", "1.11.0", "2.13.0+cpu"]),
    cpu=st.sampled_from([ZEN_4, ICE_LAKE, WINDOWS]),
    answer=st.sampled_from([yes, no]),
    force=st.sampled_from(["", "0", "1", "true"]),
)
def test_no_path_goes_on_silently(
    version: str | None, cpu: Cpu, answer: object, force: str
) -> None:
    new = version in {"1.11.0", "2.13.0+cpu"}
    native = new and cpu is ZEN_4 and answer is yes
    if native or (version is not None and force == "1"):
        machine = check(cpu=cpu, version=version, answer=answer, FORCE_BF16=force)
        assert machine.is_target == native == (machine.warnings == ())
    else:
        with pytest.raises(RequirementError) as caught:
            check(cpu=cpu, version=version, answer=answer, FORCE_BF16=force)
        assert caught.value.exit_code == 3
        assert caught.value.remedy


def test_a_machine_that_has_everything_gives_its_facts() -> None:
    machine = check()
    assert machine == Machine(ZEN_4, "torch 2.13.0+cpu", is_target=True, warnings=())


def test_forcing_where_nothing_is_missing_changes_nothing() -> None:
    assert check(FORCE_BF16="1") == check()


def test_everything_that_is_missing_is_listed_with_its_remedy() -> None:
    with pytest.raises(RequirementError) as caught:
        check(cpu=ICE_LAKE, version=None, answer=never)
    text = str(caught.value)
    assert "bf16 is not possible here (PyTorch on cpu)" in text
    assert "PyTorch 1.11 or later is not installed" in text
    assert "pip install 'narrowcast[pytorch]'" in text
    assert "Xeon(R) Gold 6334" in text
    assert "avx512_bf16 or amx_bf16" in text
    assert "FORCE_BF16=1" in text


def test_a_missing_compiler_is_an_error_that_force_does_not_hide() -> None:
    wanted = Requirements("torch>=1.11", BF16, compiler=True)
    with pytest.raises(RequirementError) as caught:
        require(
            wanted,
            {"CXX": "no-such-compiler", "FORCE_BF16": "1"},
            yes,
            cpu=ZEN_4,
            installed=lambda name: "2.13.0",
        )
    assert caught.value.exit_code == 3
    assert "no-such-compiler is not found" in str(caught.value)
    assert "tuning.execution: eager" in caught.value.remedy


def test_a_compiler_is_wanted_only_where_something_is_compiled() -> None:
    wanted = Requirements("torch>=1.11", BF16)
    found = require(
        wanted,
        {"CXX": "no-such-compiler"},
        yes,
        cpu=ZEN_4,
        installed=lambda name: "2.13.0",
    )
    assert found.is_target


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.10.2+cu113", "1.11 or later is needed; 1.10.2+cu113 is installed"),
        (
            "unknown",
            "1.11 or later is needed; the installed one calls itself 'unknown'",
        ),
    ],
)
def test_an_old_framework_is_an_error_that_force_makes_a_warning(
    version: str, said: str
) -> None:
    with pytest.raises(RequirementError) as caught:
        check(version=version, answer=never)
    assert said in str(caught.value)
    assert "pip install 'torch>=1.11', or set FORCE_BF16=1" in caught.value.remedy
    machine = check(version=version, answer=never, FORCE_BF16="1")
    assert not machine.is_target
    (warning,) = machine.warnings
    assert warning.startswith("FORCE_BF16=1: going on, although PyTorch ")
    assert said in warning


@pytest.mark.parametrize("version", ["3.0", "3.0.0.dev1", "4.1+cpu"])
def test_a_framework_that_is_too_new_is_an_error_that_force_makes_a_warning(
    version: str,
) -> None:
    wanted = Requirements("torch>=2.10,<3", BF16)

    def asked(**environ: str) -> Machine:
        installed = lambda name: version  # noqa: E731
        return require(wanted, environ, yes, cpu=ZEN_4, installed=installed)

    with pytest.raises(RequirementError) as caught:
        asked()
    said = f"PyTorch before 3 is needed; {version} is installed."
    assert said in str(caught.value)
    assert "Install an earlier one: pip install 'torch>=2.10,<3'" in caught.value.remedy
    machine = asked(FORCE_BF16="1")
    assert not machine.is_target
    assert said in machine.warnings[0]


def test_an_old_framework_is_not_forced_where_nothing_is_low() -> None:
    with pytest.raises(RequirementError) as caught:
        check(Precision.FP32, version="1.10.2", answer=never, FORCE_FP32="1")
    assert "FORCE" not in str(caught.value)


def test_forced_software_and_hardware_are_each_a_warning() -> None:
    machine = check(cpu=ICE_LAKE, version="1.10.2", answer=never, FORCE_BF16="1")
    old, slow = machine.warnings
    assert "1.10.2 is installed" in old
    assert "lacks avx512_bf16" in slow


def _forced(answer: object, device: Device = "cpu") -> None:
    """What a run does once a framework that is too old was forced."""
    assert callable(answer)
    machine = check(version="1.10.2", answer=yes, device=device, FORCE_BF16="1")
    check_forced(Requirements("torch>=1.11", BF16, device), machine, answer)


def test_what_cannot_run_at_all_is_not_forced() -> None:
    def broken(precision: Precision, device: Device) -> Answer:
        raise RequirementError("torch can't be imported: libgomp is missing")

    def another(precision: Precision, device: Device) -> Answer:
        return Answer(False, "it computes in fp32", remedy="Write fp16.")

    _forced(yes)
    _forced(no)
    _forced(yes, "cuda")
    with pytest.raises(RequirementError, match="can't be imported"):
        _forced(broken)
    with pytest.raises(RequirementError, match="can't on any machine: it computes in"):
        _forced(another)
    with pytest.raises(RequirementError, match="finds no CUDA device"):
        _forced(no, "cuda")
    with pytest.raises(RequirementError, match="is not installed"):
        check(version=None, answer=never, FORCE_BF16="1")


def test_the_framework_is_not_imported_if_the_cpu_will_not_do() -> None:
    with pytest.raises(RequirementError):
        check(cpu=CORTEX_A72, answer=never)
    assert check(cpu=CORTEX_A72, answer=never, FORCE_BF16="1").warnings


def test_missing_hardware_becomes_a_warning_when_forced() -> None:
    machine = check(FP16, cpu=ICE_LAKE, FORCE_FP16="1")
    assert not machine.is_target
    (warning,) = machine.warnings
    assert "FORCE_FP16=1" in warning
    assert "avx512_fp16" in warning
    assert "nothing is timed" in warning


def test_one_precision_is_not_forced_by_the_variable_of_the_other() -> None:
    with pytest.raises(RequirementError, match="fp16"):
        check(FP16, cpu=ICE_LAKE, FORCE_BF16="1")


def test_a_value_of_force_that_does_not_count_is_pointed_out() -> None:
    with pytest.raises(RequirementError, match="FORCE_BF16 is 'yes'; only 1 forces"):
        check(cpu=ICE_LAKE, FORCE_BF16="yes")


def test_disagreement_counts_as_missing_and_is_said() -> None:
    with pytest.raises(RequirementError) as caught:
        check(answer=no)
    text = str(caught.value)
    assert "/proc/cpuinfo and PyTorch disagree" in text
    assert "avx512_bf16, but has_bf16(cpu) is False" in text
    forced = check(answer=no, FORCE_BF16="1")
    assert not forced.is_target
    assert "disagree" in forced.warnings[0]


def test_a_system_that_does_not_tell_is_not_taken_for_a_no() -> None:
    with pytest.raises(RequirementError, match="does not tell whether the CPU"):
        check(cpu=WINDOWS, answer=never)
    with pytest.raises(RequirementError, match="no known instructions on ppc64le"):
        check(cpu=POWER, answer=never)


@pytest.mark.parametrize(
    ("precision", "capability", "enough"),
    [
        (BF16, (7, 5), False),
        (BF16, (8, 0), True),
        (BF16, (12, 0), True),
        (FP16, (5, 2), False),
        (FP16, (5, 3), True),
        (FP16, (6, 1), True),
    ],
)
def test_cuda_goes_by_compute_capability_and_not_by_the_cpu(
    precision: Precision, capability: tuple[int, int], enough: bool
) -> None:
    def answer(asked: Precision, device: Device) -> Answer:
        assert (asked, device) == (precision, "cuda")
        return Answer(True, "the device has some capability", capability)

    if enough:
        assert check(precision, CORTEX_A72, answer=answer, device="cuda").is_target
        return
    with pytest.raises(RequirementError, match="needs CUDA compute capability"):
        check(precision, CORTEX_A72, answer=answer, device="cuda")
    force = {f"FORCE_{precision.upper()}": "1"}
    forced = check(precision, CORTEX_A72, answer=answer, device="cuda", **force)
    assert not forced.is_target


def test_an_absent_cuda_device_cannot_be_forced() -> None:
    with pytest.raises(RequirementError, match="finds no CUDA device"):
        check(answer=no, device="cuda", FORCE_BF16="1")


def test_fp32_needs_only_the_framework() -> None:
    assert check(Precision.FP32, cpu=CORTEX_A72, answer=never).is_target
    with pytest.raises(RequirementError, match="not installed"):
        check(Precision.FP32, version=None, answer=never)


numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(numbers, numbers, st.sampled_from(["", "+cpu", "a0+git1f3c", ".post1", "rc2"]))
def test_releases_compare_as_if_padded_with_zeros(
    left: list[int], right: list[int], suffix: str
) -> None:
    first = release(".".join(map(str, left)) + suffix)
    second = release(".".join(map(str, right)))
    assert first is not None
    assert second is not None
    padded = (left + [0] * (4 - len(left)), right + [0] * (4 - len(right)))
    assert (first < second) == (padded[0] < padded[1])


def test_a_requirement_is_a_distribution_and_its_versions() -> None:
    assert required("torch>=1.11") == ("torch", "1.11", "")
    assert required("torch>=2.10,<3") == ("torch", "2.10", "3")
    assert required(" torch >= 2 , < 2.5 ") == ("torch", "2", "2.5")
    assert required("tensorflow-cpu") == ("tensorflow-cpu", "", "")
    for text in ("", "torch==2", "torch>=two", "torch<3", "torch; import os"):
        with pytest.raises(UsageError, match=re.escape(repr(text))):
            required(text)


def test_versions_come_from_metadata() -> None:
    assert release(installed_version("numpy") or "") is not None
    assert installed_version("no-such-distribution-of-narrowcast") is None


def test_rules_use_only_flags_that_are_read() -> None:
    for rules, architecture in product(CPU_FLAGS.values(), SIXTEEN_BIT):
        for flags in rules[architecture]:
            assert flags <= SIXTEEN_BIT[architecture]


def test_lowest_versions_are_those_of_the_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for distribution, framework in FRAMEWORKS.items():
        extra = project["optional-dependencies"][framework.extra]
        lowest = {name: first for name, first, _below in map(required, extra)}
        assert lowest[distribution] == framework.lowest


def test_importing_the_check_imports_no_framework() -> None:
    heavy = ("torch", "tensorflow", "mxnet", "onnx", "scipy", "pydantic", "jinja2")
    code = (
        "import sys, narrowcast.runtime.doctor.doctor, narrowcast.runtime.hardware.requirements;"
        f"sys.exit(' '.join(m for m in {heavy} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stderr.strip(), done.returncode) == ("", 0)


def test_what_no_machine_can_is_not_forced() -> None:
    """The remedy is the framework's own, and names no other machine."""
    never = Answer(False, "it has no bf16 arithmetic", remedy="Write another runtime.")
    wanted = Requirements("onnxruntime>=1.20", BF16)
    with pytest.raises(RequirementError) as caught:
        require(
            wanted,
            {"FORCE_BF16": "1"},
            lambda precision, device: never,
            cpu=recorded("sapphire_rapids"),
            installed=lambda name: "1.32.0",
        )
    assert "ONNX Runtime can't on any machine: it has no bf16" in str(caught.value)
    assert "Write another runtime." in str(caught.value)
    assert "FORCE_BF16" not in str(caught.value)


def test_a_build_of_a_framework_counts_as_it() -> None:
    found = {"tensorflow-cpu": "2.21.0"}
    machine = require(
        Requirements("tensorflow>=2.16", BF16),
        {},
        lambda precision, device: Answer(True, "yes"),
        cpu=recorded("sapphire_rapids"),
        installed=found.get,
    )
    assert machine.framework == "tensorflow 2.21.0"


def test_a_runtime_elsewhere_needs_no_hardware_here() -> None:
    machine = require(
        Requirements("onnx>=1.19", BF16, "cuda"),
        {},
        lambda precision, device: Answer(False, "no"),
        cpu=recorded("ice_lake"),
        installed=lambda name: "1.23.2",
    )
    assert (machine.is_target, machine.warnings, machine.cuda) == (False, (), "")
