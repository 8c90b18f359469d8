"""What the metrics of the runtime have in common."""

from __future__ import annotations

from typing import ClassVar

from ..section import Section


class Measure(Section):
    """A metric of the runtime.

    Attributes:
        packages: Requirements that computing it adds to the script's.
    """

    higher_is_better: ClassVar[bool]
    packages: ClassVar[tuple[str, ...]] = ()
