"""Versions of distributions: required, installed, compared."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..common.errors import UsageError
from .answers import FRAMEWORKS


def installed_version(distribution: str) -> str | None:
    """The version in the distribution's metadata, None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def framework_version(
    distribution: str, installed: Callable[[str], str | None]
) -> str | None:
    """The version of a framework, whichever of its builds is installed."""
    known = FRAMEWORKS.get(distribution)
    builds = (distribution, *(known.builds if known else ()))
    return next((v for name in builds if (v := installed(name)) is not None), None)


def release(version: str) -> tuple[int, ...] | None:
    """The release numbers of a PEP 440 version, without trailing zeros.

    A pre-release, a dev build or a local label ("2.13.0a0+git1f3c") counts as its
    release: nightly builds are let through. None if the text is not a version.
    """
    match = re.match(r"\s*v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    if match is None:
        return None
    numbers = [int(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def required(framework: str) -> tuple[str, str, str]:
    """Distribution, lowest version and the first that is too new, of "torch>=2.10,<3".

    Raises:
        UsageError: It has another form.
    """
    number = r"(\d+(?:\.\d+)*)"
    form = rf"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:>=\s*{number}\s*(?:,\s*<\s*{number})?)?"
    match = re.fullmatch(form, framework.strip())
    if match is None:
        raise UsageError(
            f"Requirements: framework {framework!r} can't be read.",
            'Write a distribution and its versions: "torch>=2.10,<3".',
        )
    return match[1], match[2] or "", match[3] or ""
