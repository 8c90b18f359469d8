"""Where the channels of a sample are before each of its transforms.

Images that a dataset decodes are H x W x C, and from there their way is followed. Of
arrays, and of what a user's own transform returns, it is known where they end: where the
model takes them, first or last. So there the way is followed from both ends: channels
are first or last where it begins, and first or last where it ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..section import Problem
from .elementwise import Normalize
from .own import Own
from .transform import FIRST, LAST, Transform

CHANNELS_LAST = frozenset({"tensorflow"})
"""Frameworks whose models take the channels of an image last, unless they say else."""

NAMES = {FIRST: "C x H x W", LAST: "H x W x C"}


@dataclass(frozen=True)
class Ends:
    """What is known of the sample that the transforms get, and that the model takes.

    Attributes:
        images: Whether the dataset decodes images: H x W x C.
        framework: Ours ("onnx"): what it is said to take, first or last.
        shape: What the model takes, with its batch axis; None where nothing is said.
        sample: What the dataset is said to give, without it; None likewise.
    """

    images: bool
    framework: str
    shape: tuple[int | str, ...] | None
    sample: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Unknown:
    """Why nobody knows where the channels are, and what to write."""

    message: str
    hint: str


def channels(steps: Sequence[Transform], ends: Ends) -> tuple[int | Unknown, ...]:
    """Where the channels are before each step: FIRST, LAST, or an axis between."""
    found: list[int | Unknown] = []
    known = ends.images
    sample = ends.sample
    for stretch, to_model in _stretches(steps):
        told = _told(stretch, sample)
        start = LAST if known else told
        if start is None:
            start = _start(stretch, ends if to_model else None)
        found += _followed(stretch, start)
        known, sample = False, None
    return tuple(found)


def problems(steps: Sequence[Transform], ends: Ends) -> Iterator[tuple[int, Problem]]:
    """The steps, by number, that need to know and can't."""
    for number, at in enumerate(channels(steps, ends)):
        step = steps[number]
        if not needs(step):
            continue
        if isinstance(at, Unknown):
            yield number, Problem(at.message, at.hint)
            return
        if step.pictorial and (at not in NAMES or step.moved(at) is None):
            told = "takes H x W x C, and the steps before make something else of it"
            yield number, Problem(told, "write it before them")
            return


def needs(step: Transform) -> bool:
    """Whether what a step does depends on where the channels are."""
    return step.pictorial or bool(_means(step))


def _stretches(
    steps: Sequence[Transform],
) -> Iterator[tuple[Sequence[Transform], bool]]:
    """The steps up to each of the user's own, with it; whether the model comes next."""
    begun = 0
    for number, step in enumerate(steps):
        if isinstance(step, Own):
            yield steps[begun : number + 1], False
            begun = number + 1
    yield steps[begun:], True


def _followed(steps: Sequence[Transform], start: int | Unknown) -> list[int | Unknown]:
    """Where the channels are before each step, from the start on."""
    found: list[int | Unknown] = []
    at = start
    for step in steps:
        found.append(at)
        if isinstance(at, Unknown):
            continue
        after = step.moved(at)
        at = at if after is None else after
    return found


def _told(
    steps: Sequence[Transform], sample: tuple[int, ...] | None
) -> int | Unknown | None:
    """Where the channels of an array are, by its shape; None where that says nothing."""
    number = next((k for k, step in enumerate(steps) if _means(step)), None)
    if number is None or sample is None or len(sample) < 2:
        return None
    before = steps[:number]
    if not all(step.keeps_channels for step in before):
        return None
    count = len(_means(steps[number]))
    fitting = [end for end in (LAST, FIRST) if sample[end] == count]
    if len(fitting) > 1:
        return None
    if fitting:
        return fitting[0]
    return Unknown(
        f"a sample is {list(sample)}, where neither the first nor the last axis has as "
        "many channels as there are means",
        "write one mean a channel",
    )


def _means(step: Transform) -> tuple[float, ...]:
    """Of a step that has one for each channel."""
    if isinstance(step, Normalize) and len(step.mean) == len(step.std) > 1:
        return step.mean
    return ()


def _start(steps: Sequence[Transform], ends: Ends | None) -> int | Unknown:
    """Where the channels of an array are, by where they may end.

    Args:
        ends: None where a transform of the user's own comes next, not the model.
    """
    ways = {each: _end(steps, each) for each in (LAST, FIRST)}
    kept = {start: end for start, end in ways.items() if end in NAMES}
    if not kept:
        return Unknown(
            "where the channels are can't be followed: they are neither first nor last",
            "transpose H x W x C to C x H x W, or the other way round",
        )
    if ends is None:
        if len(kept) == 1 or any(step.says_last for step in steps):
            return next(iter(kept))
        return Unknown(
            "nobody knows where the channels are of what goes to your own transform",
            "do it in your own transform, or after it",
        )
    sizes = {start: _size(steps, end, ends) for start, end in kept.items()}
    fitting = [start for start, size in sizes.items() if size is not False]
    if not fitting:
        shape = ", ".join(map(str, ends.shape or ()))
        return Unknown(
            f"the model takes ({shape}), where neither the first nor the last axis of a "
            "sample has as many channels as there are means",
            "write one mean a channel",
        )
    sure = [start for start in fitting if sizes[start]] or fitting
    framework = [start for start in sure if kept[start] == _default(ends)]
    return (framework or sure)[0]


def _end(steps: Sequence[Transform], start: int) -> int | None:
    """Where channels end that start there, None where they can't or hardly have: nobody
    puts them between height and width."""
    at: int | None = start
    for step in steps:
        if at not in NAMES:
            return None
        at = step.moved(at)
    return at


def _size(steps: Sequence[Transform], end: int | None, ends: Ends) -> bool | None:
    """Whether the model's axis there has as many channels as Normalize has means.

    None where nothing says how many either of them has.
    """
    counts = [
        len(_means(step))
        for number, step in enumerate(steps)
        if _means(step) and all(later.keeps_channels for later in steps[number:])
    ]
    if not counts or end is None or ends.shape is None or len(ends.shape) < 2:
        return None
    size = ends.shape[1:][end]
    return None if isinstance(size, str) else size == counts[-1]


def _default(ends: Ends) -> int:
    return LAST if ends.framework in CHANNELS_LAST else FIRST
