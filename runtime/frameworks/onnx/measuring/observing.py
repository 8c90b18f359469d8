"""What every op of a model makes on a batch, or why that can't be seen."""

from __future__ import annotations

import onnx_ir as ir

from ....common.errors import ModelError
from ...protocol import Array
from ..ir.naming import Names
from ..running.interpreter import Observed, observe
from ..running.session import shortened


def observed(model: ir.Model, names: Names, batch: tuple[Array, ...]) -> Observed:
    """As `observe`.

    Raises:
        ModelError: ONNX Runtime does not run the model.
    """
    try:
        return observe(model, names, batch)
    except Exception as error:  # whatever ONNX Runtime says of an operator
        raise ModelError(
            f"ONNX Runtime, in which every tensor is looked at, does not run the model: "
            f"{shortened(error)}",
            "If an index is out of bounds, give inputs that stay within; if an operator "
            "is unknown, install the newest: pip install -U onnxruntime.",
        ) from error
