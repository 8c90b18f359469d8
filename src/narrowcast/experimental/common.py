"""The same as `narrowcast.common`, where Neural Compressor has it."""

from narrowcast.common import DataLoader, Metric, Model, Postprocess

__all__ = ["DataLoader", "Metric", "Model", "Postprocess"]
