"""int8 beside 16 bits, against NNCF's: `quantize` and `quantize_with_accuracy_control`.

    pip install nncf==3.4.0
    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/int8/onnx_nncf.py MODEL [SECONDS]

Both get the same model, calibration and validation data, and the same metric: the mean
over samples of 1 - |y - f|² / |f - m|², y being the outputs, f those of fp32 and m their
mean over the samples; at least -1. The criterion allows half of what the better of both
int8 models loses, from what fp32 has: NNCF takes the model under OpenVINO's hint for what
it was, so that what bf16 loses there is taken from its drop. With ONLY_B=1 in the environment
there is no criterion, and plain int8 alone is timed. NNCF's models run as its users run them, with OpenVINO's own hint (bf16 where the
CPU has it), ours with the hint f32, as their summary says. Shares of int8 are FLOPs by
the layers of the executed graph; an evaluation is as many validated samples as there are.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import numpy.typing as npt
import onnx
import openvino as ov
from onnx_networks import NETWORKS, Network, Sample

from narrowcast.runtime import Precision
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.evaluation.metrics.metric import MeanOverSamples
from narrowcast.runtime.frameworks.onnx import openvino
from narrowcast.runtime.frameworks.onnx.program import Program
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Placement, casts
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search

FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8
Floats = npt.NDArray[np.float64]
CONTRACTIONS = {"Convolution", "FullyConnected", "MatMul", "MatMulQuantized"}
OWN_HINT = ""
"""OpenVINO's default."""

BF16_AS_LOADED = "bf16, OpenVINO's own hint"


@dataclass
class Validation:
    """The samples that are validated, and how.

    Attributes:
        seen: How many samples were validated.
    """

    samples: Sequence[Sample]
    expected: Sequence[Floats]
    seen: int = 0

    def __post_init__(self) -> None:
        self.middle = np.mean(self.expected, 0)

    def score(self, outputs: Iterable[Any], k: int) -> float:
        made, wanted = flat(outputs), self.expected[k]
        off = np.square(made - wanted).sum() / np.square(wanted - self.middle).sum()
        return float(max(1 - off, -1.0))

    def of_compiled(
        self, model: Any, items: Iterable[tuple[int, Sample]]
    ) -> tuple[float, list[float]]:
        """As NNCF wants it: the metric, and each sample's."""
        found = []
        for k, sample in items:
            self.seen += 1
            outputs = model(dict(enumerate(sample)))
            found.append(self.score((outputs[o] for o in model.outputs), k))
        return float(np.mean(found)), found

    def batches(self) -> Iterator[tuple[Sample, Any]]:
        for k, sample in enumerate(self.samples):
            self.seen += 1
            yield sample, np.array([k])

    def metric(self) -> Agreement:
        return Agreement(self)

    @property
    def evaluations(self) -> float:
        return self.seen / len(self.samples)


class Agreement(MeanOverSamples):
    """The metric as narrowcast wants it."""

    name, bounds = "agreement", (-1.0, 1.0)

    def __init__(self, validation: Validation) -> None:
        super().__init__()
        self.validation = validation

    def score(self, predictions: Any, labels: Any) -> Floats:
        return np.array([self.validation.score(predictions, int(labels[0]))])

    def update(self, predictions: Any, labels: Any, /) -> None:
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        self.add(self.score(outputs, labels))


def ranking(samples: int) -> nncf.AdvancedAccuracyRestorerParameters:
    """NNCF's own 300 samples rank a group of ops, or a third of what is validated, if
    that is fewer: each group costs it as many."""
    size = min(300, samples // 3)
    return nncf.AdvancedAccuracyRestorerParameters(ranking_subset_size=size)


def flat(outputs: Iterable[Any]) -> Floats:
    return np.concatenate([np.asarray(each, np.float64).ravel() for each in outputs])


def compiled(model: Any, hint: str) -> Any:
    """A file, or a model of OpenVINO's, with a hint or its own; one thread."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads}
    if hint != OWN_HINT:
        options["INFERENCE_PRECISION_HINT"] = hint
    return ov.Core().compile_model(model, "CPU", options)


@dataclass(frozen=True)
class Flops:
    """FLOPs of the contractions by the names that executed layers may have for them."""

    names: Mapping[str, str]
    flops: Mapping[str, int]

    @classmethod
    def of(cls, program: Program, model: onnx.ModelProto) -> Flops:
        ops = {op.id: op.flops for op in program.graph.ops if op.kind == "compute"}
        names = {}
        for node in model.graph.node:
            for label in (node.name, *node.output):
                names[label] = node.output[0]
        return cls({**{each: each for each in ops}, **names}, ops)

    def shares(self, model: Any) -> dict[str, float]:
        """Share of the FLOPs by the executed precision; "" is what no layer names."""
        found: dict[str, str] = {}
        for op in model.get_runtime_model().get_ops():
            told = {key: str(value.value) for key, value in op.rt_info.items()}
            if told.get("layerType") not in CONTRACTIONS:
                continue
            for name in told.get("originalLayersNames", "").split(","):
                own = self.names.get(name.partition("/WithoutBiases")[0])
                if own in self.flops:
                    kernel = told.get("primitiveType", "").lower()
                    found[own] = kernel.rpartition("_")[2]
        shares: dict[str, float] = {}
        for name, flops in self.flops.items():
            key = found.get(name, "")
            shares[key] = shares.get(key, 0.0) + flops / sum(self.flops.values())
        return shares


@dataclass
class Compared:
    """One network in both hands.

    Attributes:
        models: Name → a file or OpenVINO's model, and its hint.
    """

    name: str
    network: Network
    folder: Path
    models: dict[str, tuple[Any, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = self.network
        self.proto = own.model()
        self.path = self.folder / "fp32.onnx"
        onnx.save(self.proto, self.path)
        data = own.data(own.calibration + own.validation)
        self.calibration = data[: own.calibration]
        samples = data[own.calibration :]
        whole = compiled(self.path, "f32")
        expected = [flat(whole(dict(enumerate(x))).values()) for x in samples]
        self.validation = Validation(samples, expected)
        self.models["fp32"] = self.path, "f32"
        self.models[BF16_AS_LOADED] = self.path, OWN_HINT
        traced = openvino.trace(
            self.proto, data[0], low=BF16, inputs=openvino.signature(self.proto)
        )
        self.program = traced.calibrated(list(self.calibration), Quantization())
        self.flops = Flops.of(self.program, self.proto)

    def quantized(self) -> None:
        """Plain static int8 of both."""
        options: dict[str, Any] = {"subset_size": len(self.calibration)}
        if self.network.transformer:
            options["model_type"] = nncf.ModelType.TRANSFORMER
        made = nncf.quantize(
            ov.Core().read_model(self.path),
            nncf.Dataset(self.calibration, lambda x: dict(enumerate(x))),
            **options,
        )
        self.models["NNCF int8"] = made, OWN_HINT
        graph = self.program.graph
        placement = low_compute(graph, BF16, frozenset(self._unable())).placement
        self.keep("narrowcast int8", placement)

    def keep(self, name: str, placement: Placement) -> None:
        path = self.folder / f"{len(self.models)}.onnx"
        self.program.save(self.program.apply(placement), path)
        self.models[name] = path, "f32"
        kinds = [p for op, p in placement.items() if self.program.graph.by_id[op].flops]
        counts = {str(p): kinds.count(p) for p in (INT8, BF16, FP32)}
        print(f"  {name}: {counts}, {len(casts(self.program.graph, placement))} casts")

    def _unable(self) -> Iterator[str]:
        for op in self.program.graph.ops:
            if op.kernel(BF16) is None and op.kernel(INT8) is None:
                yield op.id

    def controlled(self, drop: float) -> None:
        """NNCF's accuracy control under a criterion."""
        validation, self.validation.seen = self.validation, 0
        items = list(enumerate(validation.samples))
        subset = len(self.calibration)
        options: dict[str, Any] = {}
        if self.network.transformer:
            options["model_type"] = nncf.ModelType.TRANSFORMER
        began = time.perf_counter()
        made = nncf.quantize_with_accuracy_control(
            ov.Core().read_model(self.path),
            nncf.Dataset(self.calibration, lambda x: dict(enumerate(x))),
            nncf.Dataset(items),
            validation.of_compiled,
            max_drop=drop - self.loss(BF16_AS_LOADED),
            drop_type=nncf.DropType.ABSOLUTE,
            subset_size=subset,
            advanced_accuracy_restorer_parameters=ranking(len(items)),
            **options,
        )
        self.models["NNCF accuracy control"] = made, OWN_HINT
        took = time.perf_counter() - began
        print(f"  NNCF: {validation.evaluations:.1f} evaluations, {took:.0f} s")

    def searched(self, drop: float) -> None:
        """narrowcast's search under the same, and a full evaluation of what it saved."""
        validation, self.validation.seen = self.validation, 0
        began = time.perf_counter()

        def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
            predict = openvino.predictor(self.program.apply(placement))
            return evaluate(predict, validation.batches, validation.metric, watch=watch)

        original = openvino.predictor(self.proto)
        found = search(
            self.program,
            score,
            low=BF16,
            objective=low_compute,
            pins=Pins(),
            criterion=Criterion(absolute=drop, higher_is_better=True),
            baseline=evaluate(original, validation.batches, validation.metric),
            budget=Budget(max_trials=20),
            progress=Terminal(io.StringIO()),
            clock=time.perf_counter,
        )
        placement = found.plans[0].placement
        last = score(placement)
        took = time.perf_counter() - began
        print(
            f"  narrowcast: {validation.evaluations:.1f} evaluations "
            f"({len(found.trials)} trials), {took:.0f} s; {last.value:.6f}, "
            f"{'holds' if last.value >= 1 - drop else 'MISSES'}"
        )
        self.keep("narrowcast", placement)
        wider = {op: FP32 if p is BF16 else p for op, p in placement.items()}
        self.keep("narrowcast, fp32 in bf16's place", wider)
        for name, precision in placement.items():
            op = self.program.graph.by_id[name]
            if op.kind == "compute" and precision is not INT8:
                reason = found.plans[0].reasons.get(name)
                print(f"    {name}: {precision}; {reason}")

    def table(self, seconds: float) -> None:
        """A line for each model: speed, agreement, precisions of its contractions."""
        calls: dict[str, Callable[[], Any]] = {}
        lines: dict[str, str] = {}
        first = dict(enumerate(self.validation.samples[0]))
        for name, (model, hint) in self.models.items():
            ready = compiled(model, hint)
            value, _each = self.validation.of_compiled(
                ready, enumerate(self.validation.samples)
            )
            shares = self.flops.shares(ready).items()
            told = ", ".join(f"{100 * s:.1f} % {key}" for key, s in sorted(shares))
            lines[name] = f"loss {1 - value:.6f}  {told}"
            request = ready.create_infer_request()
            calls[name] = lambda request=request: request.infer(first)
        times = interleaved(calls, time.perf_counter, seconds)
        for name, latency in times.items():
            ratio = times["fp32"].median / latency.median
            noisy = "  (noisy)" if latency.noisy else ""
            print(
                f"{name:34} {1e3 * latency.median:8.2f} ms {ratio:5.2f}x  "
                f"{lines[name]}{noisy}"
            )

    def loss(self, name: str) -> float:
        value, _each = self.validation.of_compiled(
            compiled(*self.models[name]), enumerate(self.validation.samples)
        )
        return 1 - value


def main(name: str, seconds: float) -> None:
    """Print what both came to."""
    nncf.set_log_level(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        compared = Compared(name, NETWORKS[name], Path(folder))
        print(f"{name}:")
        compared.quantized()
        losses = [compared.loss(f"{who} int8") for who in ("NNCF", "narrowcast")]
        if os.environ.get("ONLY_B"):
            compared.table(seconds)
            return
        drop = min(losses) / 2
        print(f"criterion: a loss of {drop:.6f}, int8's are {losses}")
        compared.searched(drop)
        compared.controlled(drop)
        compared.table(seconds)


if __name__ == "__main__":
    main(sys.argv[1], float((*sys.argv[2:], "60")[0]))
