"""Whether a model takes what the data of a spec gives: rules of a loader."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from ...reading.codes import Code
from ..datasets.dataset import BuiltInDataset
from ..datasets.section import DatasetSection
from ..evaluation import DataloaderSection
from ..model import FRAMEWORKS, ModelKeys
from ..section import Problem
from ..transforms.fit import step_problems


def inputs(model: ModelKeys, loader: DataloaderSection) -> Iterator[Problem]:
    """The dataset gives as many inputs as the model takes."""
    dataset = loader.dataset
    if FRAMEWORKS[model.framework] == "pytorch" and not model.inputs:
        return  # forward() takes what the data gives, in that order
    if dataset and isinstance(dataset.chosen, BuiltInDataset):
        for problem in dataset.chosen.input_problems(len(model.fed)):
            yield replace(problem, at=("dataset", dataset.key, *problem.at))


def transforms(model: ModelKeys, loader: DataloaderSection) -> Iterator[Problem]:
    """What prepares samples prepares one input."""
    wanted = len(model.fed) or _arrays(loader.dataset)
    if loader.transform.prepares and wanted != 1:
        yield Problem(
            f"transforms prepare one input, the model has {wanted}",
            "prepare the samples in your own dataset: {python: package.module:Class}",
            ("transform",),
            code=Code.COUNT,
        )


def steps(model: ModelKeys, loader: DataloaderSection) -> Iterator[Problem]:
    """Each transform fits what is before it, and what the model takes."""
    framework = FRAMEWORKS[model.framework]
    found = step_problems(loader.transform, loader.dataset, model.fed, framework)
    for problem in found:
        yield replace(problem, at=("transform", *problem.at))


def batches(model: ModelKeys, loader: DataloaderSection) -> Iterator[Problem]:
    """Batches are as large as the inputs, where these have a size; at the input."""
    batch = loader.batch_size
    for row, item in enumerate(model.inputs):
        first = item.shape[0] if item.shape else batch
        if isinstance(first, int) and first != batch and not item.is_fixed:
            yield Problem(
                f"the input takes {first} samples, but a batch holds {batch}",
                f"write a symbol such as `batch`, or batch_size: {first}",
                ("inputs", row, "shape", 0),
                code=Code.COUNT,
            )


Feeding = Callable[[ModelKeys, DataloaderSection], Iterator[Problem]]
RULES: tuple[Feeding, ...] = (
    inputs,
    transforms,
    steps,
)
"""Rules whose problems are at the loader; those of `batches` are at the model."""


def _arrays(dataset: DatasetSection | None) -> int:
    """How many inputs a sample has, as far as the spec tells."""
    chosen = dataset.chosen if dataset else None
    return chosen.arrays if isinstance(chosen, BuiltInDataset) else 1
