"""What the evaluation loop costs over the bare model: the CNN of examples/mnist.

    python examples/mnist/prepare.py
    python benchmarks/loop/mnist.py [PASSES]

Both see the same prepared digits, 64 at a time: one calls the module, the other evaluates
it as a script does, with the digests of the data, top-1 and checks of the outputs. Each
pass is timed right after one of the other, and the ratios' median is what counts; that of
CPU seconds is told beside it, since a busy machine disturbs clocks. OMP_NUM_THREADS=1
keeps idle threads from spinning, which counts as work there.
Decoding and transforms are the user's, and in neither. "decoded" reads samples one by
one on threads, as from files of images.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from narrowcast.runtime.evaluation.data.arrays import Arrays, Batched
from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.files.csv import read_csv
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"
BATCH, PASSES, TARGET = 64, 21, 0.05


def digits() -> Arrays:
    """5 000 digits as the network takes them, float32 (n, 1, 28, 28)."""
    read = read_csv(EXAMPLE / "data" / "mnist_5k.csv.gz", label=-1, shape=(1, 28, 28))
    (images,) = read.inputs
    prepared = ((images / 255 - 0.1307) / 0.3081).astype(np.float32)
    return Arrays((prepared,), read.labels)


def network() -> torch.nn.Module:
    sys.path.append(str(EXAMPLE))
    from mnist_cnn import build  # type: ignore[import-not-found]

    model: torch.nn.Module = build()
    pytorch.load_state_dict(model, EXAMPLE / "data/mnist_cnn.pth", weights_only=True)
    return model.eval()


def bare(model: torch.nn.Module, tensors: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for tensor in tensors:
            model(tensor)


def seconds(call: Callable[[], Any]) -> np.ndarray[Any, Any]:
    """Of the clock and of CPU."""
    start = np.array([perf_counter(), process_time()])
    call()
    return np.array([perf_counter(), process_time()]) - start


def cost(model: torch.nn.Module, data: Batched, passes: int) -> tuple[float, float]:
    """The shares of the bare model's clock and CPU seconds that the loop adds, medians."""

    def batches() -> Iterator[tuple[tuple[torch.Tensor, ...], Any]]:
        for (image,), labels in data.batches(BATCH):
            yield (torch.from_numpy(image),), labels

    inputs = [Input("image", ("batch", 1, 28, 28), "float32")]
    predict = pytorch.predictor(model, inputs)
    tensors = [tensor for (tensor,), _labels in batches()]
    bare(model, tensors)
    ratios = []
    for _pass in range(passes):
        alone = seconds(lambda: bare(model, tensors))
        whole = seconds(lambda: evaluate(predict, batches, TopK))
        ratios.append(whole / alone)
    clock, cpu = np.median(ratios, axis=0) - 1
    return float(clock), float(cpu)


def report(passes: int) -> None:
    model, data = network(), digits()
    kinds: dict[str, Batched] = {"arrays": data, "decoded": Decoded(data)}
    for name, each in kinds.items():
        added, cpu = cost(model, each, passes)
        met = f"target {TARGET:.0%}: {'met' if added <= TARGET else 'NOT MET'}"
        print(
            f"{name}: {added:+.1%} over the bare model, CPU {cpu:+.1%}, "
            f"{passes} passes ({met})"
        )


if __name__ == "__main__":
    report(int(sys.argv[1]) if sys.argv[1:] else PASSES)
