"""Where Neural Compressor has `MixedPrecision` and `common`: its name alone changes."""

from narrowcast import common
from narrowcast.api import MixedPrecision

__all__ = ["MixedPrecision", "common"]
