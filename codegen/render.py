"""Script → source text. The templates print; they decide nothing."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .script import Script
from .vendoring.rehomed import rehomed
from .writing.code import only_code


def render(script: Script) -> str:
    """The script's source, one newline at its end."""
    text = template("script.py.j2").render(script=script).rstrip("\n") + "\n"
    return rehomed(text, script.package)


def template(name: str) -> Template:
    """One of the templates, which prints source alone."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("narrowcast.templates", package_path="."),
        finalize=only_code,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )
