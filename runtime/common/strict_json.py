"""JSON that every reader takes: it has no NaN and no infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def strict(value: Any) -> Any:
    """Plain data with "nan", "inf" and "-inf" for such numbers; `float` reads them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Mapping):
        return {key: strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(each) for each in value]
    return value


def json_text(content: Any) -> str:
    """Indented for people; the same text from the same content."""
    text = json.dumps(strict(content), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"
