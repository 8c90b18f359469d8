"""Whatever predictions and labels come, a metric takes them or says what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.supplied.collating import collate
from narrowcast.runtime.evaluation.metrics.classification.accuracy import Accuracy
from narrowcast.runtime.evaluation.metrics.classification.f1 import F1
from narrowcast.runtime.evaluation.metrics.classification.roc import ROC
from narrowcast.runtime.evaluation.metrics.detection.average_precision import (
    AveragePrecision,
)
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.postprocess.shifted import shifted
from narrowcast.runtime.evaluation.metrics.regression.correlation import Correlation
from narrowcast.runtime.evaluation.metrics.segmentation.miou import MIoU
from narrowcast.runtime.evaluation.metrics.text.bleu import BLEU
from narrowcast.runtime.evaluation.metrics.text.squad_f1 import SquadF1
from narrowcast.runtime.evaluation.metrics.topk import TopK

DTYPES = st.sampled_from(
    [np.float32, np.float16, np.int64, np.uint8, bool, "U3", "M8[D]"]
)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, max_side=3)
ARRAYS = DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))
SCALARS = st.one_of(
    st.none(),
    st.integers(-2, 3),
    st.floats(),
    st.text(max_size=2),
    st.binary(max_size=2),
)
LABELS = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    ARRAYS,
    st.tuples(ARRAYS, SCALARS),
    st.just({}),
)


@settings(max_examples=20)
@pytest.mark.parametrize(
    "metric",
    [
        TopK(),
        Accuracy(),
        F1(),
        ROC(),
        MSE(),
        Correlation(),
        MIoU(3),
        BLEU(),
        SquadF1(),
        AveragePrecision("mAP", 0.5, 0),
        shifted(TopK(), 1),
    ],
    ids=lambda metric: type(metric).__name__,
)
@given(data=st.data())
def test_a_metric_takes_it_or_says_what_it_takes(metric: Any, data: Any) -> None:
    labels = data.draw(st.lists(LABELS, min_size=1, max_size=3))
    batch = collate([(np.zeros(2), label) for label in labels])[1]
    outputs = data.draw(st.one_of(ARRAYS, st.tuples(ARRAYS, ARRAYS, ARRAYS)))
    metric.reset()
    try:
        metric.update(outputs, batch)
    except DataError as error:
        assert error.remedy
