"""What the transforms of the runtime have in common."""

from __future__ import annotations

from typing import ClassVar

from ..section import Section


class Transform(Section):
    """One step of preparing a sample.

    Attributes:
        packages: Requirements that it adds to the script's.
        elementwise: Whether it does the same to a whole batch as to each sample of it.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    elementwise: ClassVar[bool] = False
