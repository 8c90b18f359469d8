"""A model that is supplied: what is taken, what is said of what is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError, ModelError, ModelWarning
from narrowcast.runtime.evaluation.data.random.synthetic import random_inputs
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet import open_supplied
from narrowcast.runtime.frameworks.mxnet.ir.library import mx

nn = mx.gluon.nn
BATCH = (np.random.default_rng(0).standard_normal((3, 6), np.float32),)
TAKES = "Give NAME-symbol.json"


def built() -> Any:
    model = nn.HybridSequential(prefix="net_")
    with model.name_scope():
        model.add(nn.Dense(4, in_units=6), nn.BatchNorm(in_channels=4))
    model.initialize(mx.init.Xavier())
    return model


@pytest.fixture
def symbol(tmp_path: Path, tools: Any) -> Path:
    path: Path = tools.saved(built(), tmp_path, *BATCH)
    return path


def outputs(source: Any, **options: Any) -> Any:
    (found,) = adapter.predictor(open_supplied(source, **options))(BATCH)
    return found


def test_paths_and_objects_are_one_model(symbol: Path) -> None:
    prefix = str(symbol).removesuffix("-symbol.json")
    parts = mx.model.load_checkpoint(prefix, 0)
    block = mx.gluon.SymbolBlock.imports(str(symbol), ["data"], f"{prefix}-0000.params")
    sources = [symbol, str(symbol), prefix, symbol.parent, parts, list(parts), block]
    expected = block(mx.nd.array(BATCH[0])).asnumpy()
    for source in sources:
        np.testing.assert_allclose(outputs(source), expected, rtol=1e-5)
        assert len(adapter.signature(open_supplied(source))) == 1
    name = parts[0].get_internals().list_outputs()[-1]
    np.testing.assert_allclose(outputs(parts, outputs=[name]), expected, rtol=1e-5)


def test_the_users_objects_stay_as_they_are(symbol: Path) -> None:
    prefix = str(symbol).removesuffix("-symbol.json")
    parts = mx.model.load_checkpoint(prefix, 0)
    before = parts[0].tojson(), {k: v.asnumpy() for k, v in parts[1].items()}
    outputs(parts)
    assert parts[0].tojson() == before[0]
    for name, values in parts[1].items():
        np.testing.assert_array_equal(values.asnumpy(), before[1][name])


def test_the_last_epoch_is_taken_and_said(symbol: Path) -> None:
    first, expected = symbol.with_name("model-0000.params"), outputs(symbol)
    last = symbol.with_name("model-0012.params")
    arrays = {name: 2 * value for name, value in mx.nd.load(str(first)).items()}
    mx.nd.save(str(last), arrays)
    with pytest.warns(
        ModelWarning, match=r"0000\.params, model-0012\.params; the last"
    ):
        found = outputs(symbol)
    assert not np.array_equal(found, expected)
    first.unlink()
    np.testing.assert_array_equal(outputs(symbol), found)


def test_parameters_of_another_name_are_found_if_they_are_alone(symbol: Path) -> None:
    expected = outputs(symbol)
    own = symbol.with_name("model-0000.params")
    own.rename(own.with_name("best.params"))
    np.testing.assert_array_equal(outputs(symbol), expected)
    shutil.copy(own.with_name("best.params"), own.with_name("worst.params"))
    with pytest.raises(ModelError, match=r"only best\.params, worst\.params"):
        open_supplied(symbol)


def moved(symbol: Path) -> Path:
    symbol.with_name("model-0000.params").unlink()
    return symbol


def two(symbol: Path) -> Path:
    shutil.copy(symbol, symbol.with_name("other-symbol.json"))
    return symbol.parent


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda path: path.with_name("none"), "does not exist"),
    "no parameters": (moved, "has no model-0000.params beside it"),
    "two symbols": (two, "2 models: model-symbol.json, other-symbol.json"),
    "parameters": (lambda path: path.with_name("model-0000.params"), "no symbol.json"),
    "symbol alone": (lambda path: mx.sym.var("x"), "without its parameters"),
    "class": (lambda path: nn.Dense, "a class, Dense"),
    "block": (lambda path: mx.gluon.Block(), "no HybridBlock"),
    "none": (lambda path: None, "NoneType"),
    "arrays": (lambda path: (mx.sym.var("x"), {"w": np.ones(3)}), "w is a ndarray"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_model_says_what_is_taken(case: str, symbol: Path) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ModelError, match=message) as caught:
        open_supplied(make(symbol))
    told = caught.value.remedy
    assert TAKES in told or case in ("block", "two symbols")


class Own(mx.operator.CustomOpProp):  # type: ignore[misc]
    """Python that MXNet calls."""


def test_a_symbol_that_runs_code_is_refused_as_a_file_is() -> None:
    mx.operator.register("supplied_own")(Own)
    found = mx.sym.Custom(mx.sym.var("data"), op_type="supplied_own", name="own")
    with pytest.raises(ModelError, match="own is Custom, which runs code"):
        open_supplied((found, {}, {}))


def test_shapes_that_nothing_says_are_asked_for_with_the_line_to_write() -> None:
    x, ids = mx.sym.var("x", shape=(0, 6)), mx.sym.var("ids", dtype="int64")
    weights = {"w": mx.nd.ones((4, 6)), "b": mx.nd.ones(4), "table": mx.nd.ones((9, 4))}
    dense = mx.sym.FullyConnected(x, mx.sym.var("w"), mx.sym.var("b"), num_hidden=4)
    table = mx.sym.Embedding(ids, mx.sym.var("table"), input_dim=9, output_dim=4)
    both = mx.sym.broadcast_add(dense, table)
    told = adapter.signature(open_supplied((both, weights)))
    with pytest.raises(DataError, match="what shape its input ids has") as caught:
        random_inputs((), 5, np.random.default_rng(0), told)
    line = (
        "`inputs: [{name: x, shape: [batch, 6], dtype: float32}, "
        "{name: ids, shape: [batch, ...]}]`"
    )
    assert line in caught.value.remedy
