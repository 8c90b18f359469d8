"""The same as `narrowcast.MixedPrecision`, where Neural Compressor has it."""

from narrowcast.api import MixedPrecision

__all__ = ["MixedPrecision"]
