"""Whether the note that sounds longest is the one that was played."""

import numpy as np

LOWEST_CLASS, LOWEST_KEY = 48, 21


class Notes:
    """Share of sounds whose loudest key is that of their folder."""

    def __init__(self, output: int) -> None:
        self.output = output
        self.right: list[bool] = []

    def update(self, predictions, labels) -> None:
        """Predictions of keys are (n, frames, 88), from 0 to 1; labels are classes."""
        keys = predictions[self.output].mean(axis=1).argmax(axis=1)
        self.right += list(keys + LOWEST_KEY == labels + LOWEST_CLASS)

    def reset(self) -> None:
        self.right = []

    def result(self) -> float:
        return float(np.mean(self.right))
