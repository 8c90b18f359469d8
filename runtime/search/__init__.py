"""The search for a placement that meets the criterion (docs/search.md)."""

from .found import Found
from .search import everything_low, search
from .trials import Budget, Evaluate, Trial

__all__ = ["Budget", "Evaluate", "Found", "Trial", "everything_low", "search"]
