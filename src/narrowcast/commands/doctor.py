"""`narrowcast doctor`: what a machine can compute in 16 bits."""

from __future__ import annotations

from .options import Json
from .saying import whole


def doctor(
    json: Json = False,
) -> None:
    """Say what this machine and its frameworks can compute in 16 bits."""
    from narrowcast.runtime.doctor.doctor import examine, render, to_json

    report = examine()
    whole(to_json(report) if json else render(report))
