"""What the datasets of the runtime have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ..section import Problem, Section


class BuiltInDataset(Section):
    """A dataset of the runtime.

    Attributes:
        packages: Requirements that reading it adds to the script's.
        stacks: Whether all samples are of one shape: what is elementwise is then done
            to whole batches.
        images: Whether its samples are images that it decodes: H x W x C.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    stacks: ClassVar[bool] = False
    images: ClassVar[bool] = False

    @property
    def files(self) -> Mapping[str, str]:
        """What the script calls the files and folders that it reads ("DATA") → their
        paths, as written."""
        return {}

    @property
    def labelled(self) -> bool:
        """Whether its samples have labels."""
        return True

    def input_problems(self, named: int) -> Iterator[Problem]:
        """What keeps it from feeding a model of so many named inputs, 0 for none."""
        if named > 1:
            kind = type(self).__name__.lower()
            message = f"a {kind} feeds one input, the model has {named}"
            yield Problem(message, "use npz or python")
