"""`quantization`: how int8 is made, and Neural Compressor's place for ops' precisions."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import Field

from ...reading.codes import Code
from ...reading.diagnostics import Steps
from ...reading.values import shown
from ..evaluation import DataloaderSection
from ..fields import Among, Refused, split, whole
from ..marks import INT8, quantizing, unused
from ..mixed_precision import OpSection, PinsSection
from ..section import Problem, Section, Unsound

STATIC, DYNAMIC = "post_training_static_quant", "post_training_dynamic_quant"
TRAINED: Mapping[str, str] = dict.fromkeys(
    ("quant_aware_training", "post_training_auto_quant"),
    f"write {STATIC} or {DYNAMIC}: a trained model is converted as it is",
)
"""Approaches of Neural Compressor that int8 can't be had by here → what to write."""

APPROACH = Among((STATIC, DYNAMIC), TRAINED)
SAMPLES = 100
APPROACHES = shown({"type": "string", "enum": [STATIC, DYNAMIC]})
COUNTS = shown({"type": "integer"})


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
    """What int8's ranges are taken from."""

    sampling_size: Annotated[Any, COUNTS] = quantizing(
        (SAMPLES,),
        "How many samples are taken; of several numbers, also in a text, the first.",
    )
    dataloader: DataloaderSection = quantizing(
        DataloaderSection.model_construct,
        "The data; left out, that of evaluation.accuracy.",
    )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of samples that are written.

        Raises:
            Refused: They are no counts.
        """
        value = SAMPLES if self.sampling_size is None else self.sampling_size
        items = split(value) if isinstance(value, str) else value
        found = items if isinstance(items, tuple) else (items,)
        sizes = tuple(map(whole, found))
        counts = [each for each in sizes if type(each) is int and each > 0]
        if not counts or len(counts) < len(sizes):
            raise Refused(
                "samples are counted: one number above 0, or several",
                f"sampling_size: {SAMPLES}",
                Code.RANGE,
            )
        return tuple(counts)


class ModelWiseSection(OpSection):
    """What is demanded of all ops."""

    def problems(self) -> Iterator[Any]:
        return iter(())


class QuantizationSection(PinsSection):
    """How int8 is made, where mixed_precision.precisions asks for it; precisions of ops."""

    approach: Annotated[Any, APPROACHES] = quantizing(
        STATIC,
        "Whether int8's scales of activations are from data, or computed as the model runs.",
    )
    calibration: CalibrationSection = quantizing(
        CalibrationSection.model_construct, "What int8's ranges are taken from."
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
    def is_dynamic(self) -> bool:
        """Whether scales of activations are computed as the model runs."""
        return bool(self.approach == DYNAMIC)

    def int8_problems(self) -> Iterator[Problem]:
        with suppress(Unsound):
            try:
                APPROACH.check(str(self.approach or STATIC))
            except Refused as error:
                yield Problem(str(error), error.hint, ("approach",), error.code)
        with suppress(Unsound):
            try:
                _ = self.calibration.sizes
            except Refused as error:
                at = ("calibration", "sampling_size")
                yield Problem(str(error), error.hint, at, error.code)
        yield from super().int8_problems()

    @property
    def ops(self) -> Iterator[tuple[Steps, OpSection]]:
        """Every demand with its steps from here, the wider ones first."""
        with suppress(Unsound):
            if self.model_wise.model_fields_set:
                yield ("model_wise",), self.model_wise
        yield from super().ops
