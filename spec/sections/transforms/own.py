"""A user's own transform, or one of torchvision, Keras or Gluon."""

from typing import Any

from pydantic import Field

from ..fields import Identifier, PythonName
from ..section import Table
from .transform import Transform


class Own(Transform):
    """`python: package.module:object` with its `args`."""

    keeps_channels = False
    python: PythonName = Field(description="A class or a function.")
    args: Table[Identifier, Any] = Field(description="What it is made or called with.")
