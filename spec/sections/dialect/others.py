"""Sections of Neural Compressor beside a conversion."""

from typing import Any

from ..marks import unused
from ..section import Section


class GraphOptimizationSection(Section):
    """The older class for TensorFlow that converted to 16 bits."""

    precisions: Any = unused(None, "The precisions.")
    op_wise: Any = unused(None, "Precisions of ops.")


class ModelConversionSection(Section):
    """Conversion of models that were trained for quantization."""

    source: Any = unused(None, "What the model is.")
    destination: Any = unused("default", "What it becomes.")
