"""PyTorch's own answers, from the PyTorch that is installed."""

from __future__ import annotations

import pytest
import torch

from narrowcast.runtime.common.errors import RequirementError
from narrowcast.runtime.doctor.doctor import examine
from narrowcast.runtime.doctor.interview import ask
from narrowcast.runtime.frameworks.pytorch.answers import answer, cpu_answer, devices
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.hardware.answers import FRAMEWORKS
from narrowcast.runtime.hardware.cpu import read_cpu
from narrowcast.runtime.hardware.instructions import found_flags
from narrowcast.runtime.hardware.requirements import Requirements, require

LOW = (Precision.BF16, Precision.FP16)


@pytest.mark.parametrize("precision", LOW)
def test_the_cpu_answer_is_that_of_onednn(precision: Precision) -> None:
    given = answer(precision, "cpu")
    question = getattr(torch.ops.mkldnn, f"_is_mkldnn_{precision}_supported", None)
    assert given.supported == (question is not None and question())
    assert f"torch.ops.mkldnn._is_mkldnn_{precision}_supported" in given.said


def test_a_question_that_this_pytorch_does_not_know_is_a_no() -> None:
    given = cpu_answer(Precision.FP32)
    assert not given.supported
    assert given.said.startswith("this PyTorch has no ")


def test_the_cuda_answer_is_that_of_the_current_device() -> None:
    given = answer(Precision.BF16, "cuda")
    assert given.supported == torch.cuda.is_available()
    if given.supported:
        assert given.capability == torch.cuda.get_device_capability()
        assert len(devices()) == torch.cuda.device_count()
    else:
        assert (given.capability, devices()) == (None, ())


@pytest.mark.parametrize("precision", LOW)
def test_this_machine_is_a_target_if_both_agree(precision: Precision) -> None:
    native = (
        bool(found_flags(precision, read_cpu())) and cpu_answer(precision).supported
    )
    requirements = Requirements(f"torch>={FRAMEWORKS['torch'].lowest}", precision)
    force = {f"FORCE_{precision.upper()}": "1"}
    forced = require(requirements, force, answer)
    assert forced.framework == f"torch {torch.__version__}"
    assert forced.is_target == native == (not forced.warnings)
    if native:
        assert require(requirements, {}, answer) == forced
    else:
        with pytest.raises(RequirementError, match=f"{precision} is not possible here"):
            require(requirements, {}, answer)


def test_a_child_process_answers_the_same() -> None:
    asked = ask("torch")
    assert asked.problem == ""
    assert asked.devices == devices()
    for (precision, device), given in asked.answers.items():
        assert given == answer(precision, device)


def test_doctor_and_a_script_judge_alike() -> None:
    examined, *_others = examine(environ={}).frameworks
    assert examined.title == "PyTorch"
    for verdict in examined.verdicts:
        requirements = Requirements("torch>=2.10", verdict.precision, verdict.device)
        try:
            require(requirements, {}, answer)
        except RequirementError as error:
            assert all(reason in error.message for reason in verdict.reasons)
            assert verdict.reasons
        else:
            assert verdict.reasons == ()
