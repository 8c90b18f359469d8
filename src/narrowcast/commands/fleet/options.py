"""What a fleet makes of the options that are meant for its scripts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from narrowcast.runtime.common.errors import UsageError

EACH_ITS_OWN = ("--model", "--plan", "--trial")
"""Options whose value can't be right for several scripts."""

OUTPUT, COSTS, RESUME, JSON = "--output", "--costs", "--resume", "--json"


@dataclass(frozen=True, slots=True)
class ScriptOptions:
    """The options of all scripts, and what the fleet itself goes by.

    Attributes:
        passed: Given to each script as they are.
        output: Each model goes into a folder of its name here; None for beside its script.
        resume: Leave alone what is up to date.
        json: Print one object.
    """

    passed: tuple[str, ...]
    output: Path | None
    resume: bool
    json: bool

    def of(self, name: str, begun: bool) -> tuple[str, ...]:
        """The options of one script.

        Args:
            begun: Whether its search was begun: without a history, --resume would search
                although there is a plan.
        """
        resume = (RESUME,) if self.resume and begun else ()
        output = () if self.output is None else (OUTPUT, str(self.output / name))
        return (*self.passed, *resume, *output)


def script_options(given: Sequence[str]) -> ScriptOptions:
    """Take apart what was given after the specs.

    Raises:
        UsageError: One of them is for one script alone.
    """
    passed, output = list[str](), None
    for option, value, words in _options(given):
        if option in EACH_ITS_OWN or (option == COSTS and value != "static"):
            raise UsageError(
                f"{option} {value} can't be meant for several scripts",
                "Leave it out, or run that spec alone, without --on.",
            )
        if option == OUTPUT:
            output = Path(os.path.abspath(value))  # noqa: PTH100 (links stay)
        elif option not in (JSON, RESUME):
            passed += words
    flags = {option for option, _value, _words in _options(given)}
    return ScriptOptions(tuple(passed), output, RESUME in flags, JSON in flags)


def _options(given: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each option, its value, "" for none, and the words that they were given in."""
    left = list(given)
    while left:
        word = left.pop(0)
        option, equals, value = word.partition("=")
        if equals or not left or left[0].startswith("-"):
            yield option, value, [word]
        else:
            value = left.pop(0)
            yield option, value, [word, value]
