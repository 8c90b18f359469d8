"""Whether transforms go together with the data and the model, and with each other."""

from collections.abc import Iterator
from dataclasses import replace

from ..datasets.dataset import BuiltInDataset
from ..datasets.section import DatasetSection
from ..inputs import InputSection
from ..section import Problem
from .layout import Ends, problems
from .section import TransformSection


def step_problems(
    transforms: TransformSection,
    dataset: DatasetSection | None,
    inputs: tuple[InputSection, ...],
    framework: str,
) -> Iterator[Problem]:
    """What is wrong with the order of the steps."""
    yield from _late(transforms)
    if dataset is not None:
        yield from _unknown(transforms, dataset, inputs, framework)


def _late(transforms: TransformSection) -> Iterator[Problem]:
    """What a dataset does when it reads stands before all else."""
    before = False
    for at, step in transforms.placed:
        if step.reads and before:
            message = "records are decoded when they are read: nothing goes before"
            yield Problem(message, "write it first, or leave it out", at)
        before = before or not step.reads


def _unknown(
    transforms: TransformSection,
    dataset: DatasetSection,
    inputs: tuple[InputSection, ...],
    framework: str,
) -> Iterator[Problem]:
    """Steps that go by the channels, where nobody can say where those are."""
    acting = [(at, step) for at, step in transforms.placed if step.acts]
    data = dataset.chosen
    images = isinstance(data, BuiltInDataset) and data.images
    given = data.sample if isinstance(data, BuiltInDataset) else None
    ends = Ends(images, framework, inputs[0].shape if inputs else None, given)
    for number, problem in problems([step for _at, step in acting], ends):
        yield replace(problem, at=acting[number][0])
