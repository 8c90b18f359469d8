"""Where a script prepares samples: one by one, or all of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.sections.transforms.transform import Transform
from narrowcast.spec.spec import Evaluation

from ...sections import Prepare
from ...writing.code import Code
from . import elementwise
from .step import Place, Step, Steps

STEPS: Steps = {**elementwise.STEPS}


def is_prepared(evaluation: Evaluation) -> bool:
    """Whether samples are prepared one by one, by a function of the script."""
    dataset, transforms = evaluation.dataset, evaluation.transforms
    if not transforms or dataset is None:
        return False
    if isinstance(dataset, BuiltInDataset) and not dataset.stacks:
        return True
    return not all(each.elementwise for each in transforms)


def steps(transforms: Sequence[Transform], at: Place) -> tuple[Step, ...]:
    """One for each transform, in order."""
    return tuple(STEPS[type(each)](each, at) for each in transforms)


def prepare_section(evaluation: Evaluation) -> Prepare:
    """The function that prepares one sample: an image H x W x C."""
    at = Place(Code("image"), rank=3, channels_last=True, batched=False, indent=4)
    taken = steps(evaluation.transforms, at)
    return Prepare(
        imports=(("typing", "Any"), *(i for step in taken for i in step.imports)),
        statements=tuple(line for step in taken for line in step.statements),
    )


def packages(evaluation: Evaluation) -> tuple[str, ...]:
    """Requirements of the transforms."""
    return tuple(name for each in evaluation.transforms for name in each.packages)
