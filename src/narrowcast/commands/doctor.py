"""`narrowcast doctor`: what a machine can compute in 16 bits."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what this machine and its frameworks can compute in 16 bits."""
    from narrowcast.runtime.doctor.doctor import examine, render, to_json

    report = examine()
    typer.echo(to_json(report) if json else render(report))
