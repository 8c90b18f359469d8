"""What the transforms of the runtime have in common."""

from __future__ import annotations

from typing import ClassVar

from ..section import Section

FIRST, LAST = 0, -1
"""Where a sample's channels are: C x H x W, or H x W x C."""


class Transform(Section):
    """One step of preparing a sample.

    Attributes:
        packages: Requirements that it adds to the script's.
        elementwise: Whether it does the same to a whole batch as to each sample of it.
        pictorial: Whether it takes an image H x W x C.
        keeps_channels: Whether there are as many channels after it as before.
        reads: Whether it is what a dataset does when it reads a record.
        says_last: Whether arrays that come to it are H x W x C, by what it is.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    elementwise: ClassVar[bool] = False
    pictorial: ClassVar[bool] = False
    keeps_channels: ClassVar[bool] = True
    reads: ClassVar[bool] = False
    says_last: ClassVar[bool] = False

    @property
    def acts(self) -> bool:
        """Whether there is something to do."""
        return True

    @property
    def draws(self) -> bool:
        """Whether something of it is drawn at random."""
        return False

    def other(self, framework: str, before: Transform | None) -> tuple[str, str] | None:
        """What Neural Compressor's does else for this framework, and what to write then.

        None where it is the same.

        Args:
            before: The step that is written before it.
        """
        return None

    def moved(self, axis: int) -> int | None:
        """Where the channels are after it, if they were at `axis` before.

        None where they can't have been there.
        """
        return axis


class Pictorial(Transform):
    """A step that takes an image H x W x C."""

    pictorial = True


class Drawing(Pictorial):
    """A step at random."""

    @property
    def draws(self) -> bool:
        return True
