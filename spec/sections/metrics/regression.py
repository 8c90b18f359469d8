"""Metrics of numbers."""

from pydantic import Field

from ..fields import Flag
from ..section import Block, Section
from .measure import Measure


class MeanError(Measure):
    """An error between outputs and labels; lower is better."""

    higher_is_better = False
    compare_label: Flag = Field(
        default=True,
        description="Compare with the labels; false: with fp32's own outputs.",
    )

    @property
    def of_labels(self) -> bool:
        """As it says."""
        return self.compare_label


class MSE(MeanError):
    """Mean squared error between outputs and labels; lower is better."""


class RMSE(MeanError):
    """Root of the mean squared error; lower is better."""


class MAE(MeanError):
    """Mean absolute error; lower is better."""


class Loss(Measure):
    """Mean of outputs that are a loss; lower is better."""

    higher_is_better = False
    reads_labels = False


# In the section, a field hides the class that it is called after.
_MSE = MSE
_RMSE = RMSE
_MAE = MAE
_Loss = Loss


class Catalogue(Section):
    """What `metric` can name of these."""

    MSE: Block[_MSE] = Field(
        default=None, description="Mean squared error between outputs and labels."
    )
    RMSE: Block[_RMSE] = Field(
        default=None, description="Root of the mean squared error; lower is better."
    )
    MAE: Block[_MAE] = Field(
        default=None, description="Mean absolute error; lower is better."
    )
    Loss: Block[_Loss] = Field(
        default=None, description="Mean of outputs that are a loss; lower is better."
    )
