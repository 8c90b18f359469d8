"""Mean squared error."""

from __future__ import annotations

import numpy as np

from .regression.errors import Floats, MeanError


class MSE(MeanError):
    """The mean over samples of the squared difference from the label."""

    title = "MSE"

    def error(self, differences: Floats) -> Floats:
        """Squares."""
        return np.square(differences)
