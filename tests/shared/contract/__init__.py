"""What every adapter is held to: promises of `Adapter`, `Traced` and docs/graph.md.

A promise is a function of a `Subject` and the name of a model of the zoo. It asserts,
and says which members of the protocols it needs: `stubs.py` breaks them one by one, and
each time a promise must be broken too.
"""

from __future__ import annotations

from . import converted, forms, members, native, numbers, pictures, refusals, saved
from .promise import PROMISES, Promise
from .subject import SIDES, Side, Subject, subject

__all__ = [
    "PROMISES",
    "SIDES",
    "Promise",
    "Side",
    "Subject",
    "converted",
    "forms",
    "members",
    "native",
    "numbers",
    "pictures",
    "refusals",
    "saved",
    "subject",
]
