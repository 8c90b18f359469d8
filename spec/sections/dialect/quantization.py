"""`quantization`: Neural Compressor's place for precisions of ops, and int8's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import Field

from ...reading.diagnostics import Steps
from ..evaluation import DataloaderSection
from ..marks import INT8, unused
from ..mixed_precision import OpSection, PinsSection
from ..section import Section, Unsound


class AdvanceSection(Section):
    """Corrections of a quantized model."""

    bias_correction: Any = unused(None, "How biases are corrected.")


class RecipesSection(Section):
    """What a quantizer does besides."""

    scale_propagation_max_pooling: Any = unused(True, "One scale around max pooling.")
    scale_propagation_concat: Any = unused(True, "One scale around concatenation.")
    first_conv_or_matmul_quantization: Any = unused(True, "Quantize the first layer.")
    last_conv_or_matmul_quantization: Any = unused(True, "Quantize the last layer.")
    pre_post_process_quantization: Any = unused(True, "Quantize what surrounds it.")
    fast_bias_correction: Any = unused(False, "Correct biases without data.")
    weight_correction: Any = unused(False, "Correct weights without data.")


class CalibrationSection(Section):
    """What a quantizer looks at."""

    sampling_size: Any = unused((100,), "Samples, one number or several.", INT8)
    dataloader: DataloaderSection = unused(
        DataloaderSection.model_construct, "The data.", INT8
    )


class ModelWiseSection(OpSection):
    """What is demanded of all ops."""

    def problems(self) -> Iterator[Any]:
        return iter(())


class QuantizationSection(PinsSection):
    """Precisions of ops; what is about int8 is kept for it."""

    approach: Any = unused(
        "post_training_static_quant", "How int8 models are made.", INT8
    )
    calibration: CalibrationSection = unused(
        CalibrationSection.model_construct, "What a quantizer looks at.", INT8
    )
    recipes: RecipesSection = unused(
        RecipesSection.model_construct, "What a quantizer does besides.", INT8
    )
    advance: AdvanceSection = unused(
        AdvanceSection.model_construct, "Corrections.", INT8
    )
    train: Any = unused(None, "Training of int8 models.", INT8)
    optimization_level: Any = unused(1, "How much of the graph is changed.", INT8)
    use_bf16: Any = unused(
        True,
        "Whether int8 models have bf16 besides.",
        "has no effect here: mixed_precision.precisions says what is converted to",
    )
    model_wise: ModelWiseSection = Field(
        default_factory=ModelWiseSection.model_construct,
        description="Precisions of all ops; only fp32 pins what no type or name frees.",
    )

    @property
    def ops(self) -> Iterator[tuple[Steps, OpSection]]:
        """Every demand with its steps from here, the wider ones first."""
        with suppress(Unsound):
            if self.model_wise.model_fields_set:
                yield ("model_wise",), self.model_wise
        yield from super().ops
