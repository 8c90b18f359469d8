"""Convert a chain of NumPy ops; it is killed where the environment says so.

What it measures differs from run to run: costs by COSTS, output errors by ERRORS.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from narrowcast.runtime import (
    Budget,
    Criterion,
    Drift,
    Pins,
    Precision,
    Sources,
    command_line,
)
from narrowcast.runtime.common import jsonl
from narrowcast.runtime.common.files import write_bytes
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.evaluation import largest_error
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.several import Several, Weighted
from narrowcast.runtime.frameworks.protocol import Probe, Timings
from narrowcast.runtime.graph.graph import Graph, Kernel, Kind, Op, Slot, Tensor
from narrowcast.runtime.hardware.cpu import read_cpu
from narrowcast.runtime.hardware.requirements import Machine
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16
from narrowcast.runtime.run.finish import finished
from narrowcast.runtime.run.timed import timed

HERE = Path(__file__).resolve().parent
FP32, LOW = Precision.FP32, Precision.BF16
OPS = {
    "angle": lambda x, w: x * w,
    "sine": lambda x, w: np.sin(x),
    "steep": lambda x, w: x * 4000,
    "wave": lambda x, w: np.sin(x),
    "soft": lambda x, w: np.tanh(x),
    "wide": lambda x, w: x * 3000,
    "last": lambda x, w: np.sin(x),
    "head": lambda x, w: x * 2,
}


def several() -> Several:
    return Several(MSE(), MSE(compare_label=False))


def weighted() -> Weighted:
    return Weighted((MSE(), MSE(compare_label=False)), (0.5, 1))


METRICS = {
    "MSE": MSE,
    "MSE to fp32": partial(MSE, compare_label=False),
    "several": several,
    "weighted": weighted,
    "": None,
}
"""What the environment calls a metric."""

SOURCES = Sources(model=(HERE / "weights.txt",))


def die(where: str) -> None:
    """End this process here, if it is told to."""
    if os.environ.get("KILL") == where:
        os.kill(os.getpid(), signal.SIGKILL)


def interrupt(where: str) -> None:
    """Send this process the signal of Ctrl-C here, once or twice, if it is told to."""
    if os.environ.get("INTERRUPT") == where:
        for _ in range(1 + ("TWICE" in os.environ)):
            signal.raise_signal(signal.SIGINT)


def torn(line: int) -> None:
    """Let the process end in the middle of writing this line of its history."""
    whole, written = jsonl.append, 0

    def append(path: Path, value: Any, size: int) -> int:
        nonlocal written
        written += 1
        if written == line:
            with path.open("ab") as file:
                file.write(jsonl.encoded(value)[:20])
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(path, value, size)

    jsonl.append = append


def low(values: Any) -> Any:
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32)


def load_model() -> float:
    return float((HERE / "weights.txt").read_text())


def predictor(model: Any, inputs: Any = ()) -> Any:
    """A weight as loaded, or what `apply` made of it."""
    if not isinstance(model, dict):
        return predicting(model)
    if "nan" in model:
        return lambda inputs: (inputs[0] * np.float32(np.nan),)
    return predicting(load_model(), model)


def predicting(weight: float, placement: Any = None) -> Any:
    def predict(inputs: Any) -> Any:
        (value,) = inputs
        for name, function in OPS.items():
            if placement and placement[name] == LOW:
                value = low(function(low(value), low(weight)))
            else:
                value = function(value, np.float32(weight))
        return (np.asarray(value, np.float32),)

    return predict


def signature(model: Any) -> tuple[()]:
    return ()


def as_tensor(array: Any, like: Any) -> Any:
    return array


def load_saved(path: Path) -> Any:
    if os.environ.get("KILL") == "check":
        os.kill(os.getppid(), signal.SIGKILL)
        os._exit(9)
    found = json.loads(path.read_text())
    placement = {name: Precision(each) for name, each in found["placement"].items()}
    return predicting(found["weight"], placement)


def native(model: Any) -> Any:
    """What a function scores: a model that is called on an array."""
    predict = predictor(model)
    return lambda x: predict((x,))[0]


def open_native(path: Path) -> Any:
    predict = load_saved(path)
    return lambda x: predict((x,))[0]


def batches() -> Any:
    generator = np.random.default_rng(3)
    fp32 = predicting(load_model())
    for size in (20, 20, 7):
        x = generator.uniform(4096, 8192, (size, 2)).astype(np.float32)
        yield (x,), fp32((x,))[0]


def random(name: str) -> np.random.Generator:
    """Numbers by a seed of the environment; none twice the same without one."""
    return np.random.default_rng(int(seed) if (seed := os.environ.get(name)) else None)


class Traced:
    def __init__(self, weight: float, inputs: Any, forms: Any = ()) -> None:
        self.weight, self.inputs, self.forms = weight, inputs, dict(forms)
        self.switches: dict[str, str] = {}
        self.saved: Path | None = None
        self.notes = ()
        both = (Kernel(FP32, FP32), Kernel(LOW, LOW))
        names = ["x", *OPS]
        ops = [
            Op(n, "any", Kind.POINTWISE, (Slot(b),), (n,), flops=10, kernels=both)
            for b, n in zip(names, OPS, strict=False)
        ]
        tensors = {name: Tensor(name, "float32", (20, 2)) for name in names}
        self.graph = Graph(tuple(ops), tensors, ("x",), ("head",))
        self.probes = {name: Probe(LOW, 0.01) for name in OPS}
        self.noise = random("ERRORS")

    def with_fastest_forms(self, precision: Any, clock: Any, seconds: float) -> Traced:
        forms = {"sine": random("COSTS").choice(["sine a", "sine b"])}
        return Traced(self.weight, self.inputs, forms)

    def with_forms(self, forms: Any) -> Traced:
        return Traced(self.weight, self.inputs, forms)

    def forms_in_use(self, placement: Any) -> dict[str, str]:
        return {n: form for n, form in self.forms.items() if placement[n] == LOW}

    def statistics(self, precision: Any) -> dict[str, Any]:
        return {}

    def sketch(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        return {}

    def error(self, precision: Any, ops: Any) -> float:
        die("errors")
        placement = {**dict.fromkeys(OPS, FP32), **dict.fromkeys(ops, precision)}
        expected = predicting(self.weight)(self.inputs)
        found = predicting(self.weight, placement)(self.inputs)
        return largest_error(expected, found) * self.noise.uniform(0.9, 1.1)

    def time(self, precision: Any, ops: Any, clock: Any, seconds: float) -> Timings:
        drawn = random("COSTS")

        def seconds_of(least: float) -> Latency:
            value = float(drawn.uniform(least, 1.1 * least))
            return Latency(value, value, value, 7)

        times = {FP32: 2.0, LOW: 1.0}
        casts = ((FP32, precision), (precision, FP32))
        return Timings(
            {(n, p): seconds_of(times[p]) for n in OPS for p in times},
            {((20, 2), *each): seconds_of(1e-3) for each in casts},
        )

    def time_whole(self, placements: Any, clock: Any) -> dict[str, Latency]:
        drawn = random("COSTS")
        values = {
            name: float(drawn.uniform(0.98, 1.02)) * (16.0 if name == "fp32" else 8.0)
            for name in placements
        }
        return {name: Latency(value, value, value, 7) for name, value in values.items()}

    def apply(self, placement: Any) -> dict[str, str]:
        global calls
        if searched:
            die("apply")
            interrupt("apply")
            return dict(placement)
        calls += 1
        die(f"trial {calls}")
        interrupt(f"trial {calls}")
        if os.environ.get("RAISE") == str(calls):
            raise RuntimeError("no kernel")
        broken = {"nan": "nan"} if os.environ.get("NAN") == str(calls) else {}
        return {**placement, **broken}

    def save(self, model: Any, path: Path) -> Path:
        die("save")
        interrupt("save")
        content = {"placement": model, "weight": self.weight}
        written = write_bytes(path, json.dumps(content).encode())
        if self.saved is None:
            interrupt("check")
        self.saved = written
        return written


calls = 0
searched = False


def trace(model: float, batch: Any, **options: Any) -> Traced:
    die("trace")
    return Traced(model, batch)


adapter = SimpleNamespace(
    signature=signature,
    as_tensor=as_tensor,
    executes=True,
    predictor=predictor,
    load_saved=load_saved,
    native=native,
    open_native=open_native,
    trace=trace,
)


def convert(run: Any) -> Any:
    global searched
    run.adapter = adapter
    run.context.lows = (LOW,)
    run.machines = {LOW: Machine(read_cpu(), "numpy 1", is_target=True, warnings=())}
    subject = run.load(load_model, batches, sources=SOURCES)
    tolerance = float(os.environ.get("TOLERANCE", "0.001"))
    metric = os.environ.get("METRIC", "MSE")
    demanded = Criterion(absolute=tolerance, higher_is_better=False)
    subject = subject.judged_by(
        METRICS[metric],
        (demanded,) * 2 if metric == "several" else demanded,
        Drift(**json.loads(os.environ["DRIFT"])) if "DRIFT" in os.environ else None,
    )
    conversion = subject.trace(LOW, "net.json", pins=Pins())
    conversion.use_fastest_forms()
    found = conversion.replay() or conversion.search(
        latency(conversion.measure(X86_BF16)), Budget(max_trials=20)
    )
    searched = True
    converted = run.check(conversion, found)
    die("time")
    interrupt("time")
    measured = timed(converted)
    die("finish")
    return finished(converted, measured)


if __name__ == "__main__":
    if "TORN" in os.environ:
        torn(int(os.environ["TORN"]))
    sys.exit(command_line(__file__, "net", convert))
