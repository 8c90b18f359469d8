"""A user's own transform, or one of torchvision, Keras or Gluon."""

from __future__ import annotations

from typing import Any

from ..fields import Identifier, PythonName
from ..section import Table
from .transform import Transform


class Own(Transform):
    """`python: package.module:object` with its `args`."""

    keeps_channels = False
    python: PythonName
    args: Table[Identifier, Any]
