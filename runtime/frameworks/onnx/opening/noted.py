"""What a model is that those who use the converted file must know."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from ..ir.proto.returned import DEFAULTS
from ..running.imitation import stand_ins


def notes(loaded: ir.Model, plain: ir.Model) -> Iterator[str]:
    """A sentence each.

    Args:
        plain: The loaded model as it was handed to preparation.
    """
    listed = [str(v.name) for v in loaded.graph.inputs if v.is_initializer()]
    kept = {value.name for value in plain.graph.inputs}
    open_ = [name for name in listed if name in kept]
    if open_:
        yield (
            f"inputs with a default stay fp32 inputs, and the default is what was judged: "
            f"{_shown(open_)}"
        )
    frozen = [name for name in listed if name not in kept]
    if frozen and loaded.ir_version >= DEFAULTS:
        yield (
            "all weights were listed as inputs with a default; they are weights alone "
            f"now: {_shown(frozen)}"
        )
    unknown = stand_ins.described(loaded)
    if unknown:
        yield (
            f"nothing here runs {unknown}: fp32 stays, and what is behind was tried on "
            "made-up values"
        )


def _shown(names: list[str]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")
