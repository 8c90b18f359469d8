"""A prepared network, and what became of the ops that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .network import Network

Absorbed = tuple[tuple[str, str], ...]
"""Names and types of the ops that another one stands for too."""


@dataclass(frozen=True)
class Prepared:
    """A network that was prepared.

    Attributes:
        absorbed: Name of an op → the ops folded into it.
        makes: Name of an op → the one whose output it makes now.
    """

    network: Network
    absorbed: Mapping[str, Absorbed] = field(default_factory=dict)
    makes: Mapping[str, str] = field(default_factory=dict)
