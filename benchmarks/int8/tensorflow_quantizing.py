"""ResNet-50 in int8 beside our own bf16 and fp32, one thread, in turn.

Run it as `python -m benchmarks.int8.tensorflow_quantizing`, or as a file.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.graph.graph import Precision

BATCH, SIZE, ROUNDS = 1, 224, 15
FP32, BF16, INT8 = Precision.FP32, Precision.BF16, Precision.INT8


def main() -> None:
    """Print ratios of medians to fp32's, and what int8 is off by."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None)
    random = np.random.default_rng(0)
    batch = (random.normal(size=(BATCH, SIZE, SIZE, 3)).astype(np.float32),)
    program = adapter.trace(adapter.keras_model(model), batch, low=BF16)
    program = program.calibrated([batch], Quantization())
    print(f"refused: {dict(program.int8_refusals)}", file=sys.stderr)
    orders = {
        "fp32": (FP32,),
        "bf16": (BF16,),
        "int8": (INT8,),
        "int8+bf16": (INT8, BF16),
    }
    with tempfile.TemporaryDirectory() as folder:
        calls = {}
        for name, order in orders.items():
            placement = {
                op.id: next((p for p in order if op.kernel(p)), FP32)
                for op in program.graph.ops
            }
            saved = program.save(program.apply(placement), Path(folder) / name)
            calls[name] = adapter.load_saved(saved)
        outputs = {name: call(batch)[0] for name, call in calls.items()}
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _round in range(ROUNDS):
            for name, call in calls.items():
                begun = time.perf_counter()
                call(batch)
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, taken in medians.items():
        off = relative_error(outputs["fp32"], outputs[name])
        ratio = medians["fp32"] / taken
        print(f"{name}: {ratio:.2f} of fp32's speed, off by {off:.2e}")
    best = min(medians["int8"], medians["int8+bf16"])
    print(f"int8 to bf16: {medians['bf16'] / best:.2f}")


if __name__ == "__main__":
    main()
