"""`narrowcast validate`: whether specs are what they should be."""

from __future__ import annotations

from pathlib import Path

from .compiling import TYPED, typed
from .many import STDIN, for_each, spec_files
from .options import Formatted, Framework, SpecFiles, Strict
from .saying import done, tell, wrong
from .telling.formats import Format


def validate(
    specs: SpecFiles,
    strict: Strict = False,
    framework: Framework = None,
    format: Formatted = Format.text,
) -> None:
    """Check each SPEC without writing anything."""
    from narrowcast.spec import SpecError, check
    from narrowcast.spec.load import checks

    def one(spec: Path) -> int:
        given, name = framework or "", TYPED if spec == STDIN else str(spec)
        try:
            if spec == STDIN:
                notices = checks(typed(), TYPED, framework=given)
            else:
                notices = check(spec, framework=given)
        except SpecError as error:
            raise wrong(error.diagnostics) from error
        tell(notices, strict)
        done(f"{name} is valid", spec=name, valid=True)
        return 0

    for_each(spec_files(specs), one)
