"""The command line: text and exit codes live here, decisions do not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast import __version__
from narrowcast.commands.report import report

if TYPE_CHECKING:
    from narrowcast.spec import Diagnostic, Spec

app = typer.Typer(
    name="narrowcast",
    help="Compile a YAML spec into a script that converts a model to mixed precision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec.")]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Take notes for errors: exit 2 if there are any."),
]


def _named(value: str | None) -> str | None:
    if value == "":
        raise typer.BadParameter("it is empty; name the model's framework")
    return value


Framework = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        callback=_named,
        help="What the model is where SPEC doesn't say: pytorch, tensorflow, …",
    ),
]
Target = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where the script goes."),
]

DRIFT = 1
BAD = 2


def main() -> None:
    """Entry point of the console script."""
    from narrowcast.runtime.common.telling.streams import output_needed

    with output_needed():
        app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


@app.callback()
def narrowcast(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Exit codes: 0 done, 1 criterion not met or drift, 2 bad input, 3 requirement."""


@app.command()
def generate(
    spec: SpecFile,
    output: Target = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 if the script is not up to date.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change; exit 1 if any.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that was not generated.")
    ] = False,
    strict: Strict = False,
    framework: Framework = None,
) -> None:
    """Write the conversion script for SPEC, or compare it with what is there."""
    from narrowcast.codegen import OutputError, difference, write

    path, text = _source(_loaded(spec, framework, strict), spec, output)
    try:
        if check or diff:
            changes = difference(path, text)
            if diff:
                typer.echo(changes, nl=False)
            elif changes:
                _say(
                    f"{path} is not what {spec} generates; --diff shows how it differs"
                )
            raise typer.Exit(DRIFT if changes else 0)
        changed = write(path, text, force)
    except OutputError as error:
        raise _failure(str(error)) from error
    typer.echo(f"{'wrote' if changed else 'unchanged:'} {path}")


@app.command()
def validate(
    spec: SpecFile, strict: Strict = False, framework: Framework = None
) -> None:
    """Check SPEC without writing anything."""
    from narrowcast.spec import SpecError, check

    try:
        notices = check(spec, framework=framework or "")
    except SpecError as error:
        raise _failure(str(error)) from error
    _tell(notices, strict)
    typer.echo(f"{spec} is valid")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def run(
    context: typer.Context,
    spec: SpecFile,
    script: Annotated[
        Path | None,
        typer.Option("--script", metavar="FILE", help="Where the script goes."),
    ] = None,
    strict: Strict = False,
    framework: Framework = None,
) -> None:
    """Generate the script for SPEC and run it.

    Further options go to the script: --output, --plan, --search, --resume, --json, …
    """
    from narrowcast.codegen import OutputError, write
    from narrowcast.runtime.common.processes.replacing import become

    loaded = _loaded(spec, framework, strict, _model(context.args))
    path, text = _source(loaded, spec, script)
    try:
        write(path, text)
    except OutputError as error:
        raise _failure(str(error)) from error
    become([sys.executable, str(path), *context.args])


@app.command()
def migrate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The YAML spec.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="NEW", help="Where it goes, if to a file."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is there.")
    ] = False,
    framework: Framework = None,
) -> None:
    """Print OLD, a spec for Neural Compressor, in today's words; OLD stays as it is.

    Comments say what changed and what fell away, and which command runs it.
    """
    from narrowcast.codegen import OutputError, is_same, write
    from narrowcast.spec import SpecError, read
    from narrowcast.spec.migration import migrated

    try:
        text = migrated(read(old), framework or "", str(output or "NEW.yaml"))
    except SpecError as error:
        raise _failure(str(error)) from error
    if output is None:
        typer.echo(text, nl=False)
        return
    if is_same(output, old):
        raise _failure(f"{old} is never changed; name another file with -o")
    try:
        changed = write(output, text, force)
    except OutputError as error:
        raise _failure(str(error)) from error
    typer.echo(f"{'wrote' if changed else 'unchanged:'} {output}")


@app.command()
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
        raise _failure(printable(f"error: {error}")) from error
    typer.echo(text)


@app.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what this machine and its frameworks can compute in 16 bits."""
    from narrowcast.runtime.doctor.doctor import examine, render, to_json

    report = examine()
    typer.echo(to_json(report) if json else render(report))


app.command()(report)


def _model(options: list[str]) -> str:
    """The value of the script's `--model`, "" if it is not given."""
    for option, value in pairwise([*options, ""]):
        if option == "--model":
            return value
        if option.startswith("--model="):
            return option.removeprefix("--model=")
    return ""


def _source(spec: Spec, spec_file: Path, output: Path | None) -> tuple[Path, str]:
    """The script's path and text."""
    from narrowcast.codegen import compile_script, default_name, render

    path = spec_file.parent / default_name(spec) if output is None else output
    try:
        script = compile_script(spec, _standing(spec_file), _standing(path))
    except ValueError as error:
        raise _failure(str(error)) from error
    return path, render(script)


def _standing(path: Path) -> Path:
    """The file in the folder it really is in, as a script finds its own folder."""
    return path.parent.resolve() / path.name


def _loaded(path: Path, framework: str | None, strict: bool, model: str = "") -> Spec:
    from narrowcast.spec import SpecError, load

    try:
        spec = load(path, framework=framework or "", model=model)
    except SpecError as error:
        raise _failure(str(error)) from error
    _tell(spec.notices, strict)
    return spec


def _tell(notices: Sequence[Diagnostic], strict: bool) -> None:
    """Print the notes; as errors, which end the command, where that is asked for."""
    from narrowcast.spec import format_diagnostic

    if strict and notices:
        errors = (replace(notice, severity="error") for notice in notices)
        raise _failure("\n".join(map(format_diagnostic, errors)))
    for notice in notices:
        _say(format_diagnostic(notice))


def _failure(text: str) -> typer.Exit:
    _say(text)
    return typer.Exit(BAD)


def _say(text: str) -> None:
    typer.echo(text, err=True)
