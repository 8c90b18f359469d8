"""The lines by which a script and a runtime that don't fit refuse each other."""

from __future__ import annotations

from narrowcast import __version__

from ..writing.code import Code, literal
from .runtime import HOME, Runtime

BESIDE_FIRST = """\
# The copy of narrowcast's runtime, and modules of yours, are beside this script.
sys.path.insert(0, str(Path(__file__).resolve().parent))

"""


def fitting(runtime: Runtime) -> Code:
    """What comes before the script's other imports, which another runtime may lack."""
    made = [literal(__version__)]
    if runtime.copy_of:
        made.append(literal(runtime.copy_of))
    return Code(
        f"{BESIDE_FIRST if runtime.copy_of else ''}"
        f"from {HOME}.fitting import fits\n\n"
        f"if not fits({', '.join(made)}):\n    sys.exit(3)"
    )
