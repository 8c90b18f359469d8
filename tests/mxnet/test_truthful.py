"""What the report says, recomputed from the saved files by MXNet and NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import Project

from narrowcast.runtime.frameworks.mxnet.ir.library import mx

S = mx.sym

PLAIN = """
import json, os, sys
import mxnet as mx, numpy as np

BATCH = 16
COUNTED = "Convolution", "FullyConnected", "elemwise_add", "Pooling"

def loaded(prefix):
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    return symbol, {**arguments, **states}, arguments, states

def outputs(prefix, x):
    symbol, _values, arguments, states = loaded(prefix)
    found = []
    for start in range(0, len(x), BATCH):
        batch = mx.nd.array(x[start:start + BATCH])
        executor = symbol.bind(
            mx.cpu(), {**arguments, "data": batch}, aux_states=states, grad_req="null"
        )
        found.append(executor.forward(is_train=False)[0].asnumpy())
    return np.concatenate(found)

def contractions(prefix, x):
    # FLOPs of every op that has some, by its name, and whether its input is in bf16
    symbol, values, _arguments, _states = loaded(prefix)
    internals = symbol.get_internals()
    names = internals.list_outputs()
    _, shapes, _ = internals.infer_shape(data=x[:BATCH].shape)
    _, types, _ = internals.infer_type(data="float32")
    shape, dtype = dict(zip(names, shapes)), dict(zip(names, map(str, types)))
    nodes = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]
    found = {}
    for node in nodes:
        if node["op"] not in COUNTED:
            continue
        taken = [nodes[entry[0]] for entry in node["inputs"][:2]]
        names = [each["name"] + "_output" * (each["op"] != "null") for each in taken]
        made = node["name"] + "_output"
        own = node["name"].removesuffix("_bfloat16")  # a cast has an output's name
        flops = np.prod(shape[made])
        if node["op"] in ("Convolution", "FullyConnected"):
            flops = 2 * flops * np.prod(values[names[1]].shape[1:])
        assert len({dtype[name] for name in names}) == 1
        found[own] = [int(flops), "bfloat16" in dtype[names[0]]]
    return found, sum(node["op"] == "amp_cast" for node in nodes)

data = np.load("data.npz")
found, casts = contractions("net.bf16", data["x"])
logits, labels = outputs("net.bf16", data["x"]), data["y"]
if labels.ndim == 1:
    value = float((logits.argmax(1) == labels).mean())
    before = float((outputs("net", data["x"]).argmax(1) == labels).mean())
else:
    value = float(((logits.astype("d") - labels) ** 2).mean())
    before = float(((outputs("net", data["x"]).astype("d") - labels) ** 2).mean())
files = ["net.bf16-symbol.json", "net.bf16-0000.params"]
assert "narrowcast" not in sys.modules
print(json.dumps({
    "value": value,
    "fp32": before,
    "layers": found,
    "casts": casts,
    "bytes": sum(map(os.path.getsize, files)),
    "fp32_bytes": sum(4 * v.size for v in loaded("net")[1].values()),
    "dtypes": {k: str(v.dtype) for k, v in loaded("net.bf16")[1].items()},
}))
"""

SHAPES = {
    "stem_weight": (8, 1, 3, 3),
    "stem_bias": (8,),
    **{f"norm_{each}": (8,) for each in ("gamma", "beta", "moving_mean", "moving_var")},
    "wide_weight": (8, 8, 3, 3),
    "wide_bias": (8,),
    "out_weight": (10, 8 * 6 * 6),
    "out_bias": (10,),
}


def _network() -> Any:
    """Padding, a batch norm, a residual sum, pools and a dense layer."""
    x = S.pad(S.var("data"), mode="constant", pad_width=(0, 0, 0, 0, 0, 1, 0, 1))
    stem = S.Convolution(x, kernel=(3, 3), num_filter=8, name="stem", pad=(1, 1))
    normed = S.relu(S.BatchNorm(stem, fix_gamma=False, name="norm"))
    wide = S.Convolution(normed, kernel=(3, 3), num_filter=8, pad=(1, 1), name="wide")
    pooled = S.Pooling(normed + wide, kernel=(2, 2), stride=(2, 2), pool_type="avg")
    return S.FullyConnected(pooled, num_hidden=10, name="out")


def _files(folder: Path, regression: bool) -> None:
    random = np.random.default_rng(8)
    values = {n: random.standard_normal(s) * 0.4 for n, s in SHAPES.items()}
    values["norm_moving_var"] = random.uniform(0.5, 1.5, 8)
    arrays = {name: mx.nd.array(v) for name, v in values.items()}
    symbol = _network()
    states = {n: arrays.pop(n) for n in symbol.list_auxiliary_states()}
    mx.model.save_checkpoint(str(folder / "net"), 0, symbol, arrays, states)
    x = random.standard_normal((50, 1, 12, 12), np.float32)
    executor = symbol.bind(
        mx.cpu(), {**arrays, "data": mx.nd.array(x)}, aux_states=states
    )
    made = executor.forward()[0].asnumpy()
    noisy = made + random.standard_normal(made.shape).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=noisy if regression else noisy.argmax(1))


@pytest.mark.parametrize("metric", ["topk", "MSE"])
def test_the_report_is_what_the_files_are(
    metric: str, tmp_path: Path, python: Any
) -> None:
    _files(tmp_path, metric == "MSE")
    project = Project(tmp_path)
    dataset = {"npz": {"path": "data.npz", "inputs": "x", "label": "y"}}
    loader = {"batch_size": 16, "dataset": dataset}
    measured: dict[str, Any] = {"topk": 1} if metric == "topk" else {"MSE": {}}
    project.write(
        model={
            "name": "net",
            "framework": "mxnet",
            "path": "net-symbol.json",
            "weights": "net-0000.params",
        },
        mixed_precision={
            "precisions": "bf16",
            "op_wise": {"wide": {"activation": {"dtype": ["fp32"]}}},
        },
        evaluation={"accuracy": {"metric": measured, "dataloader": loader}},
        tuning={"accuracy_criterion": {"relative": 0.2}},
    )
    report = project.report()
    assert report["exit_code"] == 0
    (tmp_path / "plain.py").write_text(PLAIN)
    run = python("plain.py", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    found, plan = json.loads(run.stdout), project.plan
    judged = report["judgement"]
    assert judged["result"]["value"] == pytest.approx(found["value"], rel=1e-6)
    assert judged["baseline"]["value"] == pytest.approx(found["fp32"], rel=1e-5)
    layers = found["layers"]
    assert {n: "bf16" if low else "fp32" for n, (_f, low) in layers.items()} == {
        name: plan["ops"][name] for name in layers
    }
    assert {"stem", "wide", "out"} < layers.keys()
    assert report["flops"] == sum(flops for flops, _low in layers.values())
    assert report["flops_low"] == sum(flops for flops, low in layers.values() if low)
    assert report["casts"] == len(plan["casts"]) == found["casts"]
    assert report["saved_bytes"] == found["bytes"]
    # a norm is folded, and a kernel got zeros for what was padded
    assert report["fp32_bytes"] == pytest.approx(found["fp32_bytes"], rel=0.02)
    for name, dtype in found["dtypes"].items():
        low = plan["ops"][name.partition("_")[0]] == "bf16"
        assert ("bfloat16" in dtype) == low, name
