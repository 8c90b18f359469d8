"""What MXNet computes natively, and environments in which it does not start."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest
import warm

from narrowcast.runtime.frameworks.mxnet import answers
from narrowcast.runtime.frameworks.mxnet.running.switches import hold_fp32
from narrowcast.runtime.graph.graph import Precision


def test_bf16_is_answered_by_a_convolution_that_ran() -> None:
    said = answers.answer(Precision.BF16, "cpu")
    assert said.supported
    assert said.said == "a Convolution in bf16 runs"


def test_fp16_is_not_supported_in_mxnets_own_words() -> None:
    said = answers.answer(Precision.FP16, "cpu")
    assert not said.supported
    assert "FP16 gemm on cpu not implemented" in said.said
    assert "on no CPU" in said.remedy


def test_no_gpu_is_used() -> None:
    assert not answers.answer(Precision.BF16, "cuda").supported
    assert answers.devices() == ()


def test_switches_say_what_executors_fuse() -> None:
    assert hold_fp32() == {
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "MXNET_SUBGRAPH_BACKEND": "MKLDNN",
    }


NEWER = """
import numpy
# What NumPy 1.24 removed, and its version.
numpy.__version__ = "1.26.4"
def missing(name):
    raise AttributeError(f"module 'numpy' has no attribute {name!r}")
numpy.__getattr__ = missing
for name in ("bool", "object", "int", "float", "complex", "str"):
    vars(numpy).pop(name, None)
"""

REQUIRE = """
from narrowcast.runtime.common.errors import RequirementError
try:
    from narrowcast.runtime.frameworks import mxnet
    mxnet.trace
except RequirementError as error:
    print(error)
"""

ABSENT = """
import sys
sys.modules["mxnet"] = None
"""


@pytest.mark.parametrize(
    ("before", "said", "remedy"),
    [
        (NEWER, "needs NumPy before 1.24; 1.26.4 is installed", "'numpy<1.24'"),
        (ABSENT, "MXNet is not installed", "pip install 'narrowcast[mxnet]'"),
    ],
)
def test_an_environment_without_mxnet_says_what_to_install(
    before: str, said: str, remedy: str, tmp_path: Path
) -> None:
    script = tmp_path / "start.py"
    script.write_text(before + REQUIRE)
    done = warm.newly((str(script),), tmp_path, os.environ)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert remedy in done.stdout


def test_a_kernel_that_ends_its_process_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending.py").write_text(
        "import os\n\ndef convolve(precision):\n    os.abort()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(answers, "convolve", import_module("ending").convolve)
    said = answers.answer(Precision.BF16, "cpu")
    assert not said.supported
    assert "the process that ran convolve died: killed by signal 6" in said.said
