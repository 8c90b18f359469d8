"""What an archive holds that could run, read or write something when it is opened."""

from __future__ import annotations


class Unsafe(Exception):
    """Names the thing and why it is refused; for `model.trust` to overrule."""


class Damaged(Exception):
    """What is wrong with an archive that nothing can open, trusted or not."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
