"""Mean absolute error."""

from __future__ import annotations

import numpy as np

from .errors import Floats, MeanError


class MAE(MeanError):
    """The mean over samples of the absolute difference from the label."""

    title = "MAE"

    def error(self, differences: Floats) -> Floats:
        """Absolute values."""
        return np.abs(differences)
