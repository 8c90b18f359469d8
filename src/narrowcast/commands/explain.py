"""`narrowcast explain`: what stayed fp32 in a plan, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .saying import failure


def explain(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="The plan: NAME.plan.json.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say which ops of PLAN stayed fp32, why, and what that cost.

    Reads the plan, and the trials beside it if they are there; no model, no framework.
    """
    import json

    from narrowcast.runtime.common.errors import NarrowcastError
    from narrowcast.runtime.common.telling.progress import printable
    from narrowcast.runtime.report.explain import explained
    from narrowcast.runtime.report.text import explanation_data, explanation_text

    try:
        found = explained(plan)
        if as_json:
            text = json.dumps(explanation_data(found), indent=2, allow_nan=False)
        else:
            text = printable(explanation_text(found))
    except NarrowcastError as error:
        raise failure(printable(f"error: {error}")) from error
    typer.echo(text)
