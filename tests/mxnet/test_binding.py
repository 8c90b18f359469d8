"""Saved files bind wherever the fp32 symbol does, in MXNet's own words for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.graph.graph import Precision

S = mx.sym
RANDOM = np.random.RandomState(5)

PLAIN = """
import json, sys
import mxnet as mx, numpy as np

def bind(prefix, symbol, arguments, states, feeds):
    return symbol.bind(
        mx.cpu(), {**arguments, **feeds}, aux_states=states, grad_req="null"
    ).forward(is_train=False)

def simple_bind(prefix, symbol, arguments, states, feeds):
    shapes = {name: value.shape for name, value in feeds.items()}
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", **shapes)
    executor.copy_params_from(arguments, states)
    return executor.forward(is_train=False, **feeds)

def module(prefix, symbol, arguments, states, feeds):
    made = mx.mod.Module(symbol, data_names=list(feeds), label_names=LABELS)
    made.bind([(name, value.shape) for name, value in feeds.items()], for_training=False)
    made.set_params(arguments, states)
    made.forward(mx.io.DataBatch(list(feeds.values())), is_train=False)
    return made.get_outputs()

def block(prefix, symbol, arguments, states, feeds):
    made = mx.gluon.SymbolBlock.imports(
        prefix + "-symbol.json", list(feeds), prefix + "-0000.params"
    )
    found = made(*feeds.values())
    return found if isinstance(found, (list, tuple)) else [found]

found = {}
for prefix in sys.argv[1:]:
    given = dict(np.load(prefix.partition(".")[0] + ".npz"))
    feeds = {name: mx.nd.array(value, dtype=value.dtype) for name, value in given.items()}
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    LABELS = [n for n in symbol.list_arguments() if n.endswith("label")] or None
    if LABELS:
        arguments["softmax_label"] = mx.nd.zeros(8)
    forms = symbol.attr_dict()
    found[prefix] = {
        "dtypes": sorted({str(v.dtype) for v in arguments.values()}),
        "undeclared": [
            n for n in arguments
            if n not in (LABELS or []) and not {"__shape__", "__dtype__"} <= set(forms[n])
        ],
    }
    for way in (bind, simple_bind, module, block):
        if LABELS and way is block:
            continue
        outputs = way(prefix, symbol, arguments, states, feeds)
        found[prefix][way.__name__] = [output.asnumpy().tolist() for output in outputs]
assert "narrowcast" not in sys.modules
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Case:
    """A symbol, its parameters by shape, and a batch by names of inputs."""

    symbol: Any
    parameters: Mapping[str, tuple[int, ...]]
    batch: Mapping[str, Any]


def _rows(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


def _scaled() -> Case:
    """Constants that ops on parameters make, taken by ops that infer nothing back."""
    hidden = S.FullyConnected(S.var("data"), num_hidden=6, no_bias=True, name="fc")
    added = S.broadcast_add(hidden, S.var("offset", shape=(6,)) * 0.5)
    made = S.broadcast_mul(added, S.sqrt(S.abs(S.var("factor", shape=(1, 6)))))
    shapes = {"fc_weight": (6, 4), "offset": (6,), "factor": (1, 6)}
    return Case(made, shapes, {"data": _rows(8, 4)})


def _product() -> Case:
    made = S.dot(S.var("data"), S.var("matrix", shape=(4, 6)), name="product")
    return Case(made, {"matrix": (4, 6)}, {"data": _rows(8, 4)})


def _shared() -> Case:
    """A weight that an op in 16 bits takes, and one that stays fp32."""
    weight = S.var("weight", shape=(4, 4))
    low = S.FullyConnected(S.var("data"), weight, no_bias=True, num_hidden=4)
    made = S.broadcast_add(low, S.cumsum(weight, axis=0).sum(axis=0))
    return Case(made, {"weight": (4, 4)}, {"data": _rows(8, 4)})


def _normed() -> Case:
    """A batch norm that folds, one that doesn't, with states of its own."""
    first = S.BatchNorm(S.var("data"), fix_gamma=False, name="first")
    layer = S.Convolution(first, kernel=(3, 3), num_filter=4, no_bias=True, name="conv")
    made = S.BatchNorm(layer, fix_gamma=False, name="second")
    kinds = ("gamma", "beta", "moving_mean", "moving_var")
    norms = {f"{n}_{k}": (c,) for n, c in (("first", 3), ("second", 4)) for k in kinds}
    return Case(
        made, {"conv_weight": (4, 3, 3, 3), **norms}, {"data": _rows(8, 3, 6, 6)}
    )


def _labelled() -> Case:
    hidden = S.FullyConnected(S.var("data"), num_hidden=5, name="fc")
    made = S.SoftmaxOutput(hidden, name="softmax")
    return Case(made, {"fc_weight": (5, 4), "fc_bias": (5,)}, {"data": _rows(8, 4)})


CASES = {
    "scaled": _scaled,
    "product": _product,
    "shared": _shared,
    "normed": _normed,
    "labelled": _labelled,
}


def _saved(case: Case, prefix: Path) -> None:
    states = set(case.symbol.list_auxiliary_states())
    values = {
        name: mx.nd.array(RANDOM.uniform(0.5, 1.5, shape))
        for name, shape in case.parameters.items()
    }
    arguments = {n: v for n, v in values.items() if n not in states}
    auxiliary = {n: v for n, v in values.items() if n in states}
    mx.model.save_checkpoint(str(prefix), 0, case.symbol, arguments, auxiliary)
    np.savez(f"{prefix}.npz", **case.batch)


def _converted(prefix: Path, batch: Mapping[str, Any], tools: Any) -> Path:
    files = Path(f"{prefix}-symbol.json"), Path(f"{prefix}-0000.params")
    program = tools.trace(adapter.load_symbol(*files), *batch.values())
    placement = tools.all_low(program)
    assert Precision.BF16 in placement.values()
    path = Path(f"{prefix}.bf16-symbol.json")
    return program.save(program.apply(placement), path)


def test_saved_files_bind_in_every_way_from_their_inputs_alone(
    tmp_path: Path, tools: Any, python: Any
) -> None:
    prefixes = []
    for name, make in CASES.items():
        case, prefix = make(), tmp_path / name
        _saved(case, prefix)
        saved = _converted(prefix, case.batch, tools)
        adapter.load_saved(saved)(tuple(case.batch.values()))
        prefixes += [name, f"{name}.bf16"]
    (tmp_path / "plain.py").write_text(PLAIN)
    run = python("plain.py", *prefixes, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    for name, low in zip(*[iter(json.loads(run.stdout).items())] * 2, strict=True):
        _check_alike(name[1], low[1])


def _check_alike(fp32: dict[str, Any], low: dict[str, Any]) -> None:
    assert low["undeclared"] == []
    assert any("bfloat16" in dtype for dtype in low["dtypes"])
    ways = fp32.keys() - {"dtypes", "undeclared"}
    assert ways >= {"bind", "simple_bind", "module"} and low.keys() >= ways
    for way in ways:
        for one, other in zip(fp32[way], low[way], strict=True):
            np.testing.assert_allclose(other, one, rtol=0.05, atol=0.05)


def test_a_saved_file_that_no_module_takes_is_told(tmp_path: Path, tools: Any) -> None:
    case, prefix = _scaled(), tmp_path / "scaled"
    _saved(case, prefix)
    path = _converted(prefix, case.batch, tools)
    data = json.loads(path.read_text())
    for node in data["nodes"]:
        if node["op"] == "null":
            node.get("attrs", {}).pop("__shape__", None)
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match=r"mx\.mod\.Module can't bind .*shape of"):
        adapter.load_saved(path)(tuple(case.batch.values()))
