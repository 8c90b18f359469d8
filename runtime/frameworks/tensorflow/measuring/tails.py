"""The floats by which outputs are compared."""

from __future__ import annotations

from ..ir import schemas
from ..ir.naming import data, parsed
from ..ir.regions import Region
from ..ir.schemas import FLOAT


def float_tails(main: Region) -> tuple[str, ...]:
    """References to the fp32 outputs; for one of another dtype, the last that feed it.

    Constants are left out: rounding other ops changes nothing in them.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(reversed(main.results))
    while waiting:
        reference = waiting.pop()
        if reference in seen:
            continue
        seen.add(reference)
        name, index = parsed(reference)
        node = main.by_name[name]
        if node.op == "Const":
            continue
        if schemas.outputs(node)[index].type == FLOAT:
            found[reference] = None
        else:
            waiting.extend(reversed(data(node)))
    return tuple(found)
