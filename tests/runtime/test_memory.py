"""Memory does not grow with the samples: what is read is let go again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peaks import BATCH, peak

from narrowcast.runtime.evaluation.data.arrays import Batched
from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.files.npy import read_npy
from narrowcast.runtime.evaluation.data.random.drawn import Constant, Random, Uniform

MILLION = 1_000_000
SIZE = 4
"""Bytes of a number; a batch is 250 x 32 of them."""


def random(folder: Path) -> Batched:
    drawn = Random(MILLION, (Uniform((32,)),), (Constant(0),), seed=0)
    return Decoded(drawn)


def stored(folder: Path) -> Batched:
    shape = (MILLION, 32)
    np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, shape).flush()
    np.save(folder / "y.npy", np.zeros(MILLION, np.int8))
    return Decoded(read_npy(folder, inputs=("x",), label="y"))


@pytest.mark.parametrize(("make", "shuffle"), [(random, None), (stored, 0)])
def test_a_million_samples_take_no_more_than_a_few_batches(
    tmp_path: Path, make: Any, shuffle: int | None
) -> None:
    data = make(tmp_path)
    assert len(data) == MILLION
    few, many = (peak(data, batches, shuffle) for batches in (4, 24))
    order = 0 if shuffle is None else 8 * MILLION
    batch = BATCH * 32 * SIZE
    assert few < order + 20 * batch + 2_000_000
    # Threads are ahead by more or less; of 20 batches that stayed this were a third.
    assert many < few + 7 * batch + 8 * BATCH * 24
