"""Matthews' correlation coefficient."""

from __future__ import annotations

from .gathered import Gathered


class Matthews(Gathered):
    """Matthews' correlation of predicted with wanted classes, by scikit-learn: from -1
    to 1, and 0 for a model that tells nothing."""

    name = "Matthews"

    def value(self) -> float:
        """The coefficient; 0 where there is one class."""
        wanted, found = self.classes()
        if wanted.size and (wanted == wanted[0]).all():
            return 0.0
        return float(self.library().matthews_corrcoef(wanted, found))
