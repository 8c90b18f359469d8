"""What FORCE_BF16 and FORCE_FP16 can't make up for."""

from __future__ import annotations

from .answers import FrameworkAnswer
from .requirements import Machine, Requirements, missing_capability, refusal, useless


def check_forced(
    requirements: Requirements, machine: Machine, answer: FrameworkAnswer
) -> None:
    """See that the framework can make use of what was forced.

    Raises:
        RequirementError: It can't be imported, finds no CUDA device, or would compute
            in another precision all the same.
    """
    if not machine.warnings or not requirements.executes:
        return
    said = answer(requirements.precision, requirements.device)
    if said.remedy:
        raise refusal(requirements, (useless(requirements, said),), {})
    if requirements.device != "cpu":
        lacks = missing_capability(requirements, said)
        if not all(lack.forcible for lack in lacks):
            raise refusal(requirements, lacks, {})
