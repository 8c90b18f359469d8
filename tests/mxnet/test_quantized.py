"""Models that come quantized by MXNet itself: what is int8, what becomes bf16 beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warm
from mxnet.contrib import quantization

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.network import Network
from narrowcast.runtime.graph.graph import Kind, Precision

BF16 = Precision.BF16
SHAPE = (4, 3, 12, 12)
INT8 = ("_sg_mkldnn_conv", "_sg_mkldnn_fully_connected", "_contrib_quantized_")

ALONE = """
import json, sys
import mxnet as mx, numpy as np
prefix, how = sys.argv[1:]
symbol, args, states = mx.model.load_checkpoint(prefix, 0)
batch = mx.nd.array(np.load(prefix + ".npy"))
if how == "bind":
    given = {**args, "data": batch}
    found = symbol.bind(mx.cpu(), given, aux_states=states, grad_req="null")
    outputs = found.forward(is_train=False)
elif how == "module":
    module = mx.mod.Module(symbol, label_names=None)
    module.bind([("data", batch.shape)], for_training=False)
    module.set_params(args, states)
    module.forward(mx.io.DataBatch([batch]), is_train=False)
    outputs = module.get_outputs()
print(json.dumps([each.asnumpy().tolist() for each in outputs]))
"""
"""How a saved model is run where narrowcast is not."""


def _net() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Convolutions with and without a sum, poolings, a concatenation, dense layers."""
    mx.random.seed(1)
    relu = {"act_type": "relu"}
    sym = mx.sym
    same = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 8}
    x = sym.Convolution(sym.var("data"), name="stem", **same)
    x = sym.Activation(sym.BatchNorm(x, name="norm", fix_gamma=False), **relu)
    y = sym.Convolution(x, name="inner", **same)
    x = sym.Activation(x + y, name="sum", **relu)
    x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    left = sym.Activation(sym.Convolution(x, name="left", **same), **relu)
    right = sym.Activation(sym.Convolution(x, name="right", **same), **relu)
    x = sym.Flatten(sym.Concat(left, right, name="both"))
    x = sym.Activation(sym.FullyConnected(x, num_hidden=16, name="dense"), **relu)
    found = sym.softmax(sym.FullyConnected(x, num_hidden=5, name="head"))
    sizes, _outputs, states = found.infer_shape(data=SHAPE)
    args = {
        name: mx.nd.random.normal(0, 0.2, shape)
        for name, shape in zip(found.list_arguments(), sizes, strict=True)
        if name != "data"
    }
    held = {
        name: (mx.nd.ones if name.endswith("var") else mx.nd.zeros)(shape)
        for name, shape in zip(found.list_auxiliary_states(), states, strict=True)
    }
    return found, args, held


def _quantized(folder: Path, **options: Any) -> tuple[Path, Any, Any]:
    """Where MXNet saved what it made of the net; a batch, and what fp32 says of it."""
    symbol, args, states = _net()
    batch = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    expected = _run(symbol, args, states, batch)
    fused = symbol.get_backend_symbol("MKLDNN_QUANTIZE")
    made, args, states = _by_mxnet(fused, args, states, batch, **options)
    made = made.get_backend_symbol("MKLDNN_QUANTIZE")
    mx.model.save_checkpoint(str(folder / "given"), 0, made, args, states)
    return folder / "given-symbol.json", batch, expected


def _run(symbol: Any, args: Any, states: Any, batch: Any) -> Any:
    given = {**args, "data": mx.nd.array(batch)}
    executor = symbol.bind(mx.cpu(), given, aux_states=states, grad_req="null")
    return executor.forward(is_train=False)[0].asnumpy()


def _by_mxnet(symbol: Any, args: Any, states: Any, batch: Any, **options: Any) -> Any:
    data = mx.io.NDArrayIter(mx.nd.array(batch), batch_size=len(batch))
    return quantization.quantize_model(
        symbol,
        args,
        states,
        label_names=None,
        calib_data=data,
        calib_mode="naive",
        **options,
    )


FORMS = {
    "by tensor": {"quantized_dtype": "auto"},
    "by channel": {
        "quantized_dtype": "auto",
        "quantize_granularity": "channel-wise",
    },
    "signed": {"quantized_dtype": "int8"},
}


def _opened(path: Path) -> Network:
    return adapter.load_symbol(path, path.with_name("given-0000.params"))


@pytest.mark.parametrize("form", FORMS)
def test_int8_stays_and_floats_between_go_to_16_bits(
    form: str, tools: Any, tmp_path: Path
) -> None:
    options = FORMS[form]
    path, batch, expected = _quantized(
        tmp_path, **options, excluded_sym_names=["sg_mkldnn_conv_act_2"]
    )
    network = _opened(path)
    program = tools.trace(network, batch)
    graph = program.graph
    placement = tools.all_low(program)
    own = [op for op in graph.ops if op.quantized and op.flops]
    assert len(own) == 5  # one convolution was left out
    assert all(op.kind is Kind.FIXED and op.type.startswith(INT8) for op in own)
    assert graph.flops_int8(placement) == sum(op.flops for op in own)
    floats = [op for op in graph.ops if op.kind is Kind.COMPUTE]
    assert [op.id for op in floats] == ["left"]
    assert graph.flops_in(placement, BF16) >= floats[0].flops > 0
    assert graph.flops_int8(placement) + floats[0].flops > 0.9 * graph.flops
    made = program.apply(placement)
    before = {n.name: (n.op, n.attrs) for n in network.nodes if n.op.startswith(INT8)}
    after = {n.name: (n.op, n.attrs) for n in made.nodes if n.op.startswith(INT8)}
    assert before == after
    np.save(tmp_path / "made.npy", batch)
    saved = program.save(made, tmp_path / "made-symbol.json")
    reference = adapter.predictor(network)((batch,))
    assert tools.error([expected], reference) < 0.1
    assert 0 < tools.error(reference, adapter.load_saved(saved)((batch,))) < 0.02
    for how in ("bind", "module"):
        found = _alone(tmp_path / "made", how)
        assert tools.error(reference, found) < 0.02


def _alone(prefix: Path, how: str) -> list[Any]:
    done = warm.run(("-c", ALONE, prefix, how))
    assert done.returncode == 0, done.stderr
    return [np.array(each, np.float32) for each in json.loads(done.stdout)]


def test_all_in_int8_converts_to_itself(tools: Any, tmp_path: Path) -> None:
    path, batch, _expected = _quantized(tmp_path, quantized_dtype="auto")
    network = _opened(path)
    program = tools.trace(network, batch)
    made = program.apply(tools.all_fp32(program))
    found = adapter.predictor(made)((batch,))
    assert tools.error(adapter.predictor(network)((batch,)), found) == 0
    assert program.graph.flops_int8(tools.all_fp32(program)) > 0.9 * program.graph.flops


def test_weights_in_integers_are_kept(tools: Any, tmp_path: Path) -> None:
    path, batch, _expected = _quantized(tmp_path, quantized_dtype="auto")
    program = tools.trace(_opened(path), batch)
    saved = program.save(
        program.apply(tools.all_low(program)), tmp_path / "made-symbol.json"
    )
    held = mx.nd.load(str(saved.with_name("made-0000.params")))
    kept = mx.nd.load(str(path.with_name("given-0000.params")))
    whole = [name for name, value in kept.items() if value.dtype == np.int8]
    assert len(whole) == 4
    for name in whole:
        assert np.array_equal(held[name].asnumpy(), kept[name].asnumpy())


@pytest.mark.parametrize(
    "change",
    [
        lambda node: node["inputs"].pop(),
        lambda node: node["attrs"].update(with_sum="true"),
        lambda node: node.update(subgraphs=[]),
        lambda node: node["attrs"].update(quantized="false"),
    ],
)
def test_a_fused_node_with_other_inputs_than_it_needs_is_refused(
    change: Any, tmp_path: Path
) -> None:
    path, _batch, _expected = _quantized(tmp_path, quantized_dtype="auto")
    data = json.loads(path.read_text())
    node = next(n for n in data["nodes"] if n["op"] == "_sg_mkldnn_conv")
    change(node)
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match="changed for one backend"):
        _opened(path)


def test_operators_on_integers_that_were_not_fused(tools: Any, tmp_path: Path) -> None:
    """Of such convolutions MXNet runs those alone that take what has no sign."""
    x = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=8, name="conv")
    x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    symbol = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=5, name="head")
    sizes, _outputs, _states = symbol.infer_shape(data=SHAPE)
    args = {
        name: mx.nd.random.normal(0, 0.2, shape)
        for name, shape in zip(symbol.list_arguments(), sizes, strict=True)
        if name != "data"
    }
    batch = np.random.default_rng(0).random(SHAPE, np.float32)
    made = _by_mxnet(symbol, args, {}, batch, quantized_dtype="auto")
    expected = _run(*made, batch)
    mx.model.save_checkpoint(str(tmp_path / "given"), 0, *made)
    program = tools.trace(_opened(tmp_path / "given-symbol.json"), batch)
    placement = tools.all_low(program)
    assert program.graph.flops_int8(placement) == program.graph.flops > 0
    types = {op.type for op in program.graph.ops if op.quantized and op.flops}
    assert types == {"_contrib_quantized_conv", "_contrib_quantized_fully_connected"}
    saved = program.save(program.apply(placement), tmp_path / "made-symbol.json")
    assert tools.error([expected], adapter.load_saved(saved)((batch,))) == 0
