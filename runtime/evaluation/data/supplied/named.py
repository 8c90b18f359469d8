"""Objects of the user's that a command line names: `package.module:name`."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ....common.errors import NarrowcastError, UsageError
from ....common.places import described, place_of, users_code


def named_object(name: str, option: str) -> Any:
    """Import what is named; modules are looked for in the current folder too.

    Args:
        name: `package.module:name`, where the name may be dotted.
        option: Where it was named, for messages: "--data".

    Raises:
        UsageError: There is no such module or name, or importing it fails.
    """
    module, colon, attribute = name.partition(":")
    if not colon or not attribute or not module.replace(".", "_").isidentifier():
        raise UsageError(
            f"{option} {name} does not name a Python object",
            "Write package.module:name, a module as in `import` and a name in it.",
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    with users_code(partial(_not_importable, name, option)):
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    return found


def _not_importable(name: str, option: str, error: BaseException) -> NarrowcastError:
    return UsageError(
        f"{option} {name} can't be imported{place_of(error)}: {described(error)}",
        "Modules are looked for beside the script, in the current folder, and among "
        "what is installed.",
    )
