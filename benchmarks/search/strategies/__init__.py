"""Searches of other tools, written anew from their published code, on one problem."""

from . import (
    aimet,
    neural_compressor,
    onnxconverter_common,
    polygraphy,
    sensitivity_bisect,
)
from .problem import Strategy

STRATEGIES: dict[str, Strategy] = {
    "Neural Compressor": neural_compressor.search,
    "AIMET (n + log n)": aimet.search,
    "onnxconverter-common": onnxconverter_common.search,
    "Polygraphy, first layers": polygraphy.first_layers,
    "Polygraphy, last layers": polygraphy.last_layers,
    "sensitivity bisect": sensitivity_bisect.search,
}
"""Name in tables → strategy."""
