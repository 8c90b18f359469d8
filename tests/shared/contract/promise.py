"""How a promise is written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoo import MODELS

from .subject import Subject

ALL = tuple(MODELS)


@dataclass(frozen=True)
class Promise:
    """One of them.

    Attributes:
        members: What an adapter that breaks it may have stubbed.
        models: Names of the models that it is held to.
        traits: Fields of `Side` that must be true where it is promised.
    """

    keep: Callable[[Subject, str], None]
    members: tuple[str, ...]
    models: tuple[str, ...]
    traits: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.keep.__name__

    def held_by(self, subject: Subject) -> tuple[str, ...]:
        """The models that an adapter is held to it with."""
        if not all(getattr(subject.side, trait) for trait in self.traits):
            return ()
        return tuple(name for name in self.models if name in subject.models)


PROMISES: list[Promise] = []


def promise(
    *members: str, models: Sequence[str] = ("mlp",), traits: Sequence[str] = ()
) -> Callable[[Callable[[Subject, str], None]], Callable[[Subject, str], None]]:
    """Let all adapters be held to a function; the cheapest model stands first."""

    def add(keep: Callable[[Subject, str], None]) -> Callable[[Subject, str], None]:
        PROMISES.append(Promise(keep, members, tuple(models), tuple(traits)))
        return keep

    return add
