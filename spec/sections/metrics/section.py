"""The metric, chosen by its key."""

from ..section import Choice
from .measure import Measure
from .names import BuiltInMetrics


class MetricSection(BuiltInMetrics, Choice):
    """The metric, chosen by its key."""

    @property
    def higher_is_better(self) -> bool:
        """The metric's own direction; your own class's is taken to be upwards."""
        return getattr(self.chosen, "higher_is_better", True)

    @property
    def of_labels(self) -> bool:
        """Whether it compares with labels of the data, not with fp32's own outputs."""
        chosen = self.chosen
        return not isinstance(chosen, Measure) or chosen.of_labels
