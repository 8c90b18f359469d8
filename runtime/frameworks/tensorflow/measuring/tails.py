"""The floats by which outputs are compared."""

from __future__ import annotations

from ...measuring import tails
from ..ir.naming import data, parsed
from ..ir.regions import Region
from ..ir.schemas import FLOAT, outputs


def float_tails(main: Region) -> tuple[str, ...]:
    """References to the fp32 outputs; for one of another dtype, the last that feed it.

    Constants are left out: rounding other ops changes nothing in them.
    """

    def is_float(reference: str) -> bool:
        name, index = parsed(reference)
        node = main.by_name[name]
        return node.op != "Const" and bool(outputs(node)[index].type == FLOAT)

    def behind(reference: str) -> list[str]:
        return data(main.by_name[parsed(reference)[0]])

    return tails.float_tails(main.results, is_float, behind)
