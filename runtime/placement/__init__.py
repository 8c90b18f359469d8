"""Placement: the exact minimum cut that decides which ops go low."""

from .objectives import Objective, Placed, latency, low_compute, memory

__all__ = ["Objective", "Placed", "latency", "low_compute", "memory"]
