"""`narrowcast explain`: a plan, a spec, a key of specs, or an error's code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from .many import ENDINGS, STDIN
from .options import Framework, Json
from .saying import done, failure, refused, whole

CODE = re.compile(r"NC[0-9]+", re.IGNORECASE)
"""How an error's code looks."""


REPORT = ".report.json"
SUBJECTS = (
    "A plan is NAME.plan.json; a spec, a key such as mixed_precision.precisions, or a "
    "code such as NC201 is explained, too."
)


def explain(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT",
            help="NAME.plan.json, a spec, a key (model.inputs.shape) or a code (NC201).",
        ),
    ],
    as_json: Json = False,
    framework: Framework = None,
) -> None:
    """Say what SUBJECT means.

    Of a plan: which ops stayed fp32, why, and what that cost. Of a spec: what will be
    done. Of a key: type, default, meaning, example. No model and no framework is needed.
    """
    path = Path(subject)
    if path == STDIN or path.suffix in ENDINGS:
        text = _spec(path, framework)
    elif path.suffix == ".json" or path.is_file():
        text = _plan(path, as_json)
    elif CODE.fullmatch(subject):
        text = _code(subject.upper())
    else:
        text = _key(subject, as_json)
    if as_json and text.startswith("{"):
        whole(text)
    else:
        done(text, subject=subject, text=text)


def _plan(path: Path, as_json: bool) -> str:
    """Reads the plan, and the trials beside it if they are there."""
    import json

    from narrowcast.runtime.common.errors import NarrowcastError, UnreadablePlanError
    from narrowcast.runtime.common.telling.progress import printable
    from narrowcast.runtime.report.explain import explained
    from narrowcast.runtime.report.text import explanation_data, explanation_text

    if path.name.endswith(REPORT):
        text = f"{path} is a report, not a plan\nnarrowcast report {path} shows it."
        raise failure(text, UnreadablePlanError.error_code)
    try:
        found = explained(path)
        if as_json:
            return json.dumps(explanation_data(found), indent=2, allow_nan=False)
        return printable(explanation_text(found))
    except UnreadablePlanError as error:
        text = f"{error.message}\n{SUBJECTS}"
        raise failure(text, error.error_code) from error
    except NarrowcastError as error:
        raise refused(error) from error


def _spec(path: Path, framework: str | None) -> str:
    from narrowcast.codegen import default_name
    from narrowcast.spec.reference.words import in_words

    from .compiling import loaded

    spec = loaded(path, framework, strict=False)
    return f"{in_words(spec)}\nThe script is {default_name(spec)}."


def _key(path: str, as_json: bool) -> str:
    """What a key is; of each in short where a last key alone may mean several."""
    import json
    from dataclasses import asdict

    from narrowcast.spec.reference.fields import UnknownKey, keys, short_text, text

    try:
        found = keys(path)
    except UnknownKey as error:
        raise failure(f"{error}\n{SUBJECTS}") from error
    if len(found) == 1:
        return json.dumps(asdict(found[0]), indent=2) if as_json else text(found[0])
    if as_json:
        return json.dumps({"keys": [asdict(each) for each in found]}, indent=2)
    rows = "\n".join(map(short_text, found))
    head = f"`{path}` is a key of {len(found)} sections:"
    return f"{head}\n\n{rows}\n\nnarrowcast explain {found[0].path} says all of one."


def _code(code: str) -> str:
    """What an error's code stands for."""
    from narrowcast.codes import explained_code

    try:
        return explained_code(code)
    except KeyError:
        text = f"no error has the code {code}\ndocs/errors.md lists all."
        raise failure(text) from None
