"""The search for a placement that meets the criterion."""

from .search import Budget, Evaluate, Found, everything_low, search

__all__ = ["Budget", "Evaluate", "Found", "everything_low", "search"]
