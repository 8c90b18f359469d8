"""ONNX Runtime's calibrators, whatever the user's own modules are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def calibrators() -> Mapping[str, Any]:
    """Algorithm → class of what finds ranges.

    The import takes a while: their package comes with all of ONNX Runtime's tools.
    """
    with _own_modules():
        from onnxruntime.quantization.calibrate import (
            EntropyCalibrater,
            MinMaxCalibrater,
        )
    return {"minmax": MinMaxCalibrater, "kl": EntropyCalibrater}


@contextmanager
def _own_modules() -> Iterator[None]:
    """Let ONNX Runtime import its tools by bare names, as `onnx_model`.

    It puts their folder last on the path, so that a user's module of that name, beside
    the script or imported already, would be taken for its own.
    """
    known = find_spec("onnxruntime")
    assert known is not None
    assert known.origin is not None
    folder = Path(known.origin).parent / "transformers"
    names = {path.stem for path in folder.glob("*.py")} & sys.modules.keys()
    aside = {name: sys.modules.pop(name) for name in names}
    before, modules = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
        for name in {path.stem for path in folder.glob("*.py")} - modules:
            sys.modules.pop(name, None)
        sys.modules.update(aside)
