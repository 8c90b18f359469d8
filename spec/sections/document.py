"""A whole spec as the user wrote it, and the rules between its sections."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ..reading.codes import Code
from ..reading.diagnostics import Steps
from .dialect.others import GraphOptimizationSection, ModelConversionSection
from .dialect.quantization import QuantizationSection
from .evaluation import DataloaderSection, EvaluationSection
from .fields import Among, Amount, Refused
from .frameworks import ModelSection, feeding, precisions
from .frameworks.feeding import Feeding
from .frameworks.onnx import runtime
from .marks import INT8, unused
from .mixed_precision import INTEGERS, MixedPrecisionSection
from .model import EXECUTED, FRAMEWORKS
from .section import Problem, Section, Unsound
from .tuning import TuningSection

TRAINED = "has no effect here: a trained model is converted as it is"
EXECUTION = ("tuning", "execution")
DATA = ("evaluation", "accuracy", "dataloader")
CALIBRATION = ("quantization", "calibration", "dataloader")


def _version(version: float) -> float:
    if not 1 <= version < 2:
        raise Refused(f"version {version:g} is not known", "write version: 1.0")
    return version


class Document(Section):
    """A spec."""

    version: Annotated[Amount, AfterValidator(_version)] = Field(
        default=1.0, description="Version of the spec's dialect."
    )
    model: ModelSection = Field(description="What is converted.")
    device: Annotated[str, Among(("cpu", "gpu", "cuda"))] = Field(
        default="cpu", description="Where the model runs."
    )
    mixed_precision: MixedPrecisionSection = Field(
        default_factory=MixedPrecisionSection.model_construct,
        description="What it is converted to.",
    )
    quantization: QuantizationSection = Field(
        default_factory=QuantizationSection.model_construct,
        description="How int8 is made; Neural Compressor's place for per-op precisions.",
    )
    evaluation: EvaluationSection = Field(
        default_factory=EvaluationSection.model_construct,
        description="What the conversion is judged by.",
    )
    tuning: TuningSection = Field(
        default_factory=TuningSection.model_construct, description="The search."
    )
    costs: Annotated[str, Among(("measured", "static"))] = Field(
        default="measured",
        description="What `objective: latency` goes by: ops and casts as timed on the "
        "machine that converts, or by a stated machine profile.",
    )
    graph_optimization: GraphOptimizationSection = unused(
        GraphOptimizationSection.model_construct,
        "The older way to 16 bits.",
        "has no effect here: mixed_precision.precisions says what is converted to",
    )
    model_conversion: ModelConversionSection = unused(
        ModelConversionSection.model_construct, "Conversion of models for int8.", INT8
    )
    use_bf16: Any = unused(
        True,
        "Whether int8 models have bf16 besides.",
        "has no effect here: mixed_precision.precisions says what is converted to",
    )
    optimization_level: Any = unused(1, "How much of the graph is changed.", INT8)
    train: Any = unused(None, "Training.", TRAINED)
    pruning: Any = unused(None, "Pruning.", TRAINED)
    distillation: Any = unused(None, "Distillation.", TRAINED)
    auto_distillation: Any = unused(None, "Search of a student.", TRAINED)
    nas: Any = unused(None, "Search of an architecture.", TRAINED)

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._choice_problems()
        yield self._ability_problems()
        yield self._freed_problems()
        yield self._int8_problems()
        yield self._int8_problems_in("mixed_precision")
        yield self._int8_problems_in("quantization")
        yield self._op_problems("mixed_precision")
        yield self._op_problems("quantization")
        yield self._execution_problems()
        yield self._compiled_problems()
        yield self._score_problems()
        yield from map(self._feeding_problems, feeding.RULES)
        yield from map(self._calibration_problems, feeding.RULES)
        yield self._batch_problems()
        yield self._direction_problems()
        yield self._drift_problems()

    def _op_problems(self, section: str) -> Iterator[Problem]:
        lows = self.mixed_precision.lows
        for steps, dtypes in self._demands_in(section):
            for low in lows:
                if not {"fp32", low, *INTEGERS} & set(dtypes):
                    message = f"the op may be neither fp32 nor {low}"
                    yield Problem(message, "dtype: [fp32]", steps)

    def _choice_problems(self) -> Iterator[Problem]:
        yield from precisions.choice(self.mixed_precision.lows, self.judged)

    def _ability_problems(self) -> Iterator[Problem]:
        mixed = self.mixed_precision
        yield from precisions.ability(
            mixed.lows, self.framework, self.runtime, bool(mixed.precisions)
        )

    def _freed_problems(self) -> Iterator[Problem]:
        mixed = self.mixed_precision
        yield from precisions.freed(self.model, mixed.lows, self.framework)

    def _int8_problems(self) -> Iterator[Problem]:
        mixed = self.mixed_precision
        if mixed.int8:
            yield from precisions.int8(
                mixed.precisions, self.framework, self.runtime, self.tuning.execution
            )

    def _int8_problems_in(self, section: str) -> Iterator[Problem]:
        if self.mixed_precision.int8:
            for problem in getattr(self, section).int8_problems():
                yield replace(problem, at=(section, *problem.at))

    @property
    def demands(self) -> Iterator[tuple[Steps, tuple[str, ...]]]:
        """Every per-op demand: its path and the precisions it allows.

        int8 and uint8 are among them only where int8 is asked for.
        """
        for section in ("mixed_precision", "quantization"):
            yield from self._demands_in(section)

    def _demands_in(self, section: str) -> Iterator[tuple[Steps, tuple[str, ...]]]:
        int8 = self.mixed_precision.int8
        for steps, op in getattr(self, section).ops:
            with suppress(Unsound):
                if dtypes := op.dtypes_beside_int8 if int8 else op.dtypes:
                    yield (section, *steps), dtypes

    @property
    def framework(self) -> str:
        """Ours."""
        return FRAMEWORKS[self.model.framework]

    @property
    def runtime(self) -> str | None:
        """What executes an onnx model, None for other frameworks."""
        if self.framework != "onnx":
            return None
        return runtime(self.model, self.mixed_precision.precisions)

    @property
    def executed(self) -> bool:
        """Whether the result runs on the machine that converts."""
        return self.runtime is None or self.runtime in EXECUTED

    @property
    def objective(self) -> str:
        """What is sought, as written; a section about performance asks for it."""
        unsaid = "objective" not in self.tuning.model_fields_set
        if unsaid and self.evaluation.performance is not None:
            return "performance"
        return self.tuning.objective

    @property
    def judged(self) -> bool:
        """Whether an accuracy is demanded: where something runs, unless any will do."""
        return self.executed and not self.tuning.exit_policy.performance_only

    @property
    def on_cpu(self) -> bool:
        """Whether the model is converted on the CPU, whatever device is written."""
        return self.device == "cpu" or (self.framework != "pytorch" and self.executed)

    def _score_problems(self) -> Iterator[Problem]:
        accuracy = self.evaluation.accuracy
        scored = accuracy and (accuracy.says("metric") or accuracy.says("python"))
        if scored and not self.executed:
            yield Problem(
                f"runtime {self.model.runtime} is not executed here: nothing can be "
                "evaluated",
                "leave evaluation out, or write runtime: openvino or onnxruntime",
                ("evaluation",),
                code=Code.ABILITY,
            )

    def _execution_problems(self) -> Iterator[Problem]:
        if self.tuning.execution == "compile" and self.framework != "pytorch":
            text = f"only pytorch models are compiled, and this is {self.framework}"
            yield Problem(text, "leave it out", EXECUTION, Code.ABILITY)

    def _compiled_problems(self) -> Iterator[Problem]:
        if self.tuning.execution == "compile" and self.device != "cpu":
            yield Problem(
                f"packages are compiled for the CPU, and device is {self.device}",
                "write execution: eager, or device: cpu",
                EXECUTION,
                code=Code.ABILITY,
            )

    @property
    def calibrated_by(self) -> DataloaderSection | None:
        """Where int8's ranges are taken from, None where they have no data of their own."""
        how, accuracy = self.quantization, self.evaluation.accuracy
        loader = how.calibration.dataloader
        if not self.mixed_precision.int8 or how.is_dynamic or not loader.is_named:
            return None
        same = accuracy is not None and loader.reads_as(accuracy.dataloader)
        return None if same else loader

    def _feeding_problems(self, rule: Feeding) -> Iterator[Problem]:
        """What of the data that is evaluated the model does not take."""
        if accuracy := self.evaluation.accuracy:
            for problem in rule(self.model, accuracy.dataloader):
                yield replace(problem, at=(*DATA, *problem.at))

    def _calibration_problems(self, rule: Feeding) -> Iterator[Problem]:
        """The same of the data that ranges are taken from."""
        if loader := self.calibrated_by:
            for problem in rule(self.model, loader):
                yield replace(problem, at=(*CALIBRATION, *problem.at))

    def _batch_problems(self) -> Iterator[Problem]:
        accuracy = self.evaluation.accuracy
        evaluated = accuracy.dataloader if accuracy else None
        for loader in filter(None, (evaluated, self.calibrated_by)):
            for problem in feeding.batches(self.model, loader):
                yield replace(problem, at=("model", *problem.at))

    def _drift_problems(self) -> Iterator[Problem]:
        """Drift of what gives no outputs to compare, or of outputs of no name."""
        drift, accuracy = self.tuning.accuracy_criterion.drift, self.evaluation.accuracy
        if drift is None:
            return
        at = ("tuning", "accuracy_criterion", "drift")
        if accuracy and accuracy.says("python"):
            yield Problem(
                "your function scores whole models: there are no outputs to compare",
                "write a metric in its place, or leave drift out",
                at,
            )
        for problem in drift.output_problems(self.model.output_names):
            yield replace(problem, at=(*at, *problem.at))

    def _direction_problems(self) -> Iterator[Problem]:
        accuracy = self.evaluation.accuracy
        if accuracy is None:
            return
        written = self.tuning.accuracy_criterion.higher_is_better
        if several := accuracy.multi_metrics:
            for problem in several.direction_problems():
                at = ("evaluation", "accuracy", "multi_metrics", *problem.at)
                yield replace(problem, at=at)
            own = {each.higher_is_better for each in several.measures}
            what = "each metric"
        elif accuracy.metric is None or accuracy.metric.python:
            return
        else:
            own, what = {accuracy.metric.higher_is_better}, "the metric"
        if written is None or written in own:
            return
        direction = "lower" if written else "higher"
        text = f"{what} is better when {direction}: this accepts any loss"
        at = ("tuning", "accuracy_criterion", "higher_is_better")
        yield Problem(text, "leave higher_is_better out", at, Code.DIRECTION)
