"""The lines by which a script without its runtime, or with another's, ends."""

from __future__ import annotations

from narrowcast import __version__

from ..writing.code import Code, literal
from .runtime import HOME, Runtime

BESIDE_FIRST = """\
# The copy of narrowcast's runtime, and modules of yours, are beside this script.
sys.path.insert(0, str(Path(__file__).resolve().parent))

"""

ABSENT = """\
# What is not there can't say so itself.
try:
    from {home}.fitting import fits
except ModuleNotFoundError as error:
    if not f"{{error.name}}.".startswith("{top}."):
        raise
    remedy = "{remedy}"
    print(f"error[NC702]: {{error}}. {{remedy}}", file=sys.stderr)
    if "--json" in sys.argv:
        print('{{"exit_code": 3, "diagnostics": [{{"severity": "error", "code": "NC702",')
        print(f'"message": "{{error}}", "remedy": "{{remedy}}",')
        print('"file": null, "line": null, "column": null, "key": null}}]}}')
    sys.exit(3)

if not fits({made}):
    sys.exit(3)"""


def fitting(runtime: Runtime, installing: str) -> Code:
    """What comes before the script's other imports, which another runtime may lack.

    Args:
        installing: The requirement that installs a runtime.
    """
    made = [literal(__version__)]
    remedy = f"Install it: pip install '{installing}'"
    if runtime.copy_of:
        made.append(literal(runtime.copy_of))
        remedy = "Make it anew: narrowcast generate SPEC --vendor"
    lines = ABSENT.format(
        home=HOME,
        top=runtime.package.partition(".")[0],
        remedy=remedy,
        made=", ".join(made),
    )
    return Code(f"{BESIDE_FIRST if runtime.copy_of else ''}{lines}")
