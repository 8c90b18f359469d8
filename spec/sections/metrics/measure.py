"""What the metrics of the runtime have in common."""

from collections.abc import Mapping
from typing import ClassVar

from ..section import Section


class Measure(Section):
    """A metric of the runtime.

    Attributes:
        higher_is_better: Its direction.
        reads_labels: Whether it compares with labels of the data.
    """

    higher_is_better: ClassVar[bool]
    reads_labels: ClassVar[bool] = True

    @property
    def of_labels(self) -> bool:
        """Whether it compares with labels of the data, not with fp32's own outputs."""
        return self.reads_labels

    @property
    def packages(self) -> tuple[str, ...]:
        """Requirements that computing it adds to the script's."""
        return ()

    @property
    def files(self) -> Mapping[str, str]:
        """What the script calls the files that it reads ("CLASSES") → their paths, as
        written."""
        return {}
