"""Where a script prepares samples: one by one, or all of a batch at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from narrowcast.spec import Spec
from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.sections.transforms.conversions import ToPILImage
from narrowcast.spec.sections.transforms.layout import Ends, Unknown, channels
from narrowcast.spec.sections.transforms.own import Own
from narrowcast.spec.sections.transforms.transform import FIRST, LAST, Transform
from narrowcast.spec.spec import Evaluation

from ...frameworks import framework_of
from ...sections import EVALUATED, Called, Prepare, Preparing
from ...writing.code import Code
from ...writing.imports import import_lines
from ...writing.layout import Group, laid_out
from ..datasets.reading import DATA
from . import conversions, elementwise, geometry, imagenet, own
from .calling import PACKAGE
from .step import Place, Step, Steps

STEPS: Steps = {
    **elementwise.STEPS,
    **geometry.STEPS,
    **imagenet.STEPS,
    **conversions.STEPS,
}
ARRAY = Step((Code("image = to_array(image)"),), ((f"{PACKAGE}.images", "to_array"),))


def is_prepared(evaluation: Evaluation) -> bool:
    """Whether samples are prepared one by one, by a function of the script."""
    dataset, transforms = evaluation.dataset, evaluation.transforms
    if not transforms or dataset is None:
        return False
    if isinstance(dataset, BuiltInDataset) and not dataset.stacks:
        return True
    return not all(each.elementwise for each in transforms)


def preparing(evaluation: Evaluation, called: Called = EVALUATED) -> Preparing:
    """What the dataset is given for its samples to go through."""
    if not is_prepared(evaluation):
        return Preparing(Code(""))
    own = any(isinstance(each, Own) for each in evaluation.transforms)
    if is_drawn(evaluation):
        drawn = (f"{DATA}.at_random", "at_random")
        return Preparing(Code(f"at_random({called.prepare}, SEED)"), (drawn,), own)
    return Preparing(called.prepare, own=own)


def is_drawn(evaluation: Evaluation) -> bool:
    """Whether something that samples go through is drawn at random."""
    return evaluation.dataset is not None and any(
        each.draws for each in evaluation.transforms
    )


def batch_steps(spec: Spec, name: Code) -> tuple[Step, ...]:
    """One for each transform of whole batches, in order.

    Args:
        name: The variable that holds a batch.
    """
    at = Place(name, LAST, batched=True, indent=8)
    return steps(spec.evaluation.transforms, at, ends(spec))


def prepare_section(spec: Spec, called: Called = EVALUATED) -> Prepare:
    """The function that prepares one sample: an image H x W x C, or an array."""
    evaluation = spec.evaluation
    at = Place(Code("image"), channels=LAST, batched=False, indent=4)
    taken = list(_prepared(spec, at, called))
    handed = own.handed_over(evaluation.transforms)
    needed = framework_of(spec).tensor_imports if any(handed) else ()
    return Prepare(
        imports=(
            ("typing", "Any"),
            *([("numpy as np", "")] if is_drawn(evaluation) else []),
            *(i for step in taken for i in step.imports),
        ),
        local_imports=import_lines(needed, indent=4),
        statements=tuple(line for step in taken for line in step.statements),
        heading=_heading(called, is_drawn(evaluation)),
    )


def _heading(called: Called, drawn: bool) -> Code:
    drawing = (Code("generator: np.random.Generator"),) if drawn else ()
    taken = Group("(", (Code("image: Any"), Code("label: Any"), *drawing), ")")
    ending = " -> tuple[Any, Any]:"
    return Code(laid_out(f"def {called.prepare}", taken, 0, ending) + ending)


def steps(transforms: Sequence[Transform], at: Place, ends: Ends) -> tuple[Step, ...]:
    """One for each transform that does the same to a batch, in order."""
    return tuple(
        STEPS[type(transform)](transform, replace(at, channels=_at(place)))
        for transform, place in zip(transforms, channels(transforms, ends), strict=True)
    )


def ends(spec: Spec) -> Ends:
    """What the transforms get, and what the model takes."""
    dataset, inputs = spec.evaluation.dataset, spec.model.inputs
    shape = inputs[0].shape if inputs else None
    if not isinstance(dataset, BuiltInDataset):
        return Ends(False, spec.model.framework, shape)
    return Ends(dataset.images, spec.model.framework, shape, dataset.sample)


def packages(evaluation: Evaluation) -> tuple[str, ...]:
    """Requirements of the transforms."""
    return tuple(name for each in evaluation.transforms for name in each.packages)


def _prepared(spec: Spec, at: Place, called: Called) -> Iterator[Step]:
    """The steps of one sample, and what lies between them."""
    transforms = spec.evaluation.transforms
    handed = own.handed_over(transforms)
    functions = own.names(transforms, called)
    for number, place in enumerate(channels(transforms, ends(spec))):
        transform = transforms[number]
        at = replace(at, channels=_at(place))
        if isinstance(transform, Own):
            yield own.step(spec, functions[number], handed=handed[number])
        else:
            yield _moved(transform, at)
        at = replace(at, loose=isinstance(transform, Own | ToPILImage))
    if at.loose:
        yield ARRAY


def _moved(transform: Transform, at: Place) -> Step:
    """A step; where channels are first, they are last for one that takes images."""
    step = STEPS[type(transform)](transform, at)
    if not transform.pictorial or at.channels != FIRST:
        return step
    there = Code(f"{at.name} = channels_last({at.name})")
    back = Code(f"{at.name} = channels_first({at.name})")
    stays = transform.moved(FIRST) == FIRST
    images = f"{PACKAGE}.images"
    return Step(
        (there, *step.statements, *[back] * stays),
        (
            *step.imports,
            (images, "channels_last"),
            *[(images, "channels_first")] * stays,
        ),
    )


def _at(place: int | Unknown) -> int:
    """Where channels are; of a step that doesn't need to know, anywhere."""
    return LAST if isinstance(place, Unknown) else place
