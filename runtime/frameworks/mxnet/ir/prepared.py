"""A prepared network, and what became of the ops that are gone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...absorbed import Told
from .network import Network


@dataclass(frozen=True)
class Prepared:
    """A network that was prepared.

    Attributes:
        told: Where the names of all ops went.
    """

    network: Network
    told: Told = field(default_factory=Told)
