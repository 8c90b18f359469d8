"""Distributions beside the framework that a conversion takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .versions import release, required


def unfit(
    distributions: Iterable[str], installed: Callable[[str], str | None]
) -> Iterator[tuple[str, str]]:
    """What is not installed, too old or too new: a sentence, and the remedy.

    Args:
        distributions: Each with its versions, "torchao>=0.18,<1".
        installed: Distribution → version, None if it is not installed.
    """
    for each in distributions:
        name, lowest, below = required(each)
        version = installed(name)
        have = release(version) if version else None
        if have is None:
            text = f"{name} is not installed."
        elif have < (release(lowest) or ()):
            text = f"{name} {lowest} or later is needed; {version} is installed."
        elif below and have >= (release(below) or ()):
            text = f"{name} before {below} is needed; {version} is installed."
        else:
            continue
        yield text, f"Install it: pip install '{each}'"
