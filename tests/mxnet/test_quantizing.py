"""Models quantized by the adapter: what runs, what is written, what it is off by."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warm
from nightly import some

from narrowcast.runtime.common.errors import DataError, PlanError
from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Watch, evaluate, to_the_end
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet import Program
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.quantizing.protocol import Quantizable
from narrowcast.runtime.frameworks.quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
)
from narrowcast.runtime.graph.graph import Kernel, Kind, Placement, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search

BF16, FP32, INT8 = Precision.BF16, Precision.FP32, Precision.INT8
HOW = Quantization()
SHAPE = (4, 3, 12, 12)

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
else:
    names = [prefix + "-symbol.json", ["data"], prefix + "-0000.params"]
    outputs = [mx.gluon.SymbolBlock.imports(*names)(batch)]
print(json.dumps([each.asnumpy().tolist() for each in outputs]))
"""
"""How a saved model is run where narrowcast is not."""


class Net(mx.gluon.nn.HybridBlock):  # type: ignore[misc]
    """Convolutions, one of which something is added to; poolings and dense layers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(prefix="net_", **kwargs)
        nn, same = mx.gluon.nn, {"kernel_size": 3, "padding": 1}
        with self.name_scope():
            self.stem = nn.Conv2D(8, in_channels=3, prefix="stem_", **same)
            self.norm = nn.BatchNorm(in_channels=8)
            self.inner = nn.Conv2D(8, in_channels=8, prefix="inner_", **same)
            self.last = nn.Conv2D(8, in_channels=8, prefix="last_", **same)
            self.dense = nn.Dense(16, activation="relu", in_units=288, prefix="dense_")
            self.head = nn.Dense(5, use_bias=False, in_units=16, prefix="head_")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        x = F.Activation(self.norm(self.stem(x)), act_type="relu")
        x = F.Activation(x + self.inner(x), act_type="relu")
        x = F.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")
        return self.head(self.dense(self.last(x)))


OPS = [f"net_{name}_fwd" for name in ("stem", "inner", "last", "dense", "head")]


def _batch() -> Any:
    return np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def traced() -> Program:
    mx.random.seed(0)
    block = Net()
    block.initialize(mx.init.Normal(0.15))
    return adapter.trace(block, (_batch(),), low=BF16)


@pytest.fixture(scope="module")
def program(traced: Program) -> Program:
    return traced.calibrated([(_batch(),)], HOW)


def _placed(program: Program, rest: Precision = FP32) -> Placement:
    def precision(op: Any) -> Precision:
        if op.kernel(INT8):
            return INT8
        return rest if op.kind is not Kind.FIXED and op.kernel(rest) else FP32

    return {op.id: precision(op) for op in program.graph.ops}


def _operators(network: Any) -> Counter[str]:
    return Counter(node.op for node in network.nodes if not node.variable)


def _alone(prefix: Path, how: str) -> list[Any]:
    done = warm.run(("-c", ALONE, prefix, how))
    assert done.returncode == 0, done.stderr
    return [np.array(each, np.float32) for each in json.loads(done.stdout)]


def _reference(program: Program) -> Any:
    fp32 = dict.fromkeys(program.graph.by_id, FP32)
    return adapter.predictor(program.apply(fp32))((_batch(),))


def test_what_contracts_runs_in_int8(program: Program) -> None:
    assert isinstance(program, Quantizable) and not program.int8_refusals
    ops = [op.id for op in program.graph.ops if op.kernel(INT8)]
    assert ops == OPS == list(program.int8_probes)
    assert program.graph.by_id[OPS[0]].kernel(INT8) == Kernel(INT8, FP32)
    assert all(0 < each.error < 0.05 for each in program.int8_probes.values())
    placement = _placed(program)
    assert program.graph.flops_int8(placement) > 0.95 * program.graph.flops


def test_integers_stay_integers_between(program: Program) -> None:
    found = _operators(program.apply(_placed(program)))
    assert found == {
        "_contrib_quantize_v2": 1,
        "_sg_mkldnn_conv": 3,
        "_contrib_quantized_pooling": 1,
        "_sg_mkldnn_fully_connected": 2,
    }


@pytest.mark.parametrize("rest", some([BF16, FP32], 2))
def test_a_saved_model_runs_anywhere(
    rest: Precision, program: Program, tools: Any, tmp_path: Path
) -> None:
    placement = _placed(program, rest)
    path = program.save(program.apply(placement), tmp_path / "made-symbol.json")
    np.save(tmp_path / "made.npy", _batch())
    expected = _reference(program)
    found = adapter.load_saved(path)((_batch(),))
    assert 0 < tools.error(expected, found) < 0.05
    for how in ("bind", "module", "block") if rest is BF16 else ("bind",):
        assert tools.error(found, _alone(tmp_path / "made", how)) < 1e-6


def test_three_precisions_in_one_model(program: Program, tools: Any) -> None:
    placement = {
        **_placed(program, BF16),
        "net_inner_fwd": BF16,
        "net_dense_fwd": FP32,
    }
    made = program.apply(placement)
    found = _operators(made)
    assert found["Convolution"] == found["FullyConnected"] == 1
    assert found["_sg_mkldnn_conv"] == 2 and found["amp_cast"] > 1
    outputs = adapter.predictor(made)((_batch(),))
    assert 0 < tools.error(_reference(program), outputs) < 0.05


def test_the_error_is_that_of_the_model(program: Program, tools: Any) -> None:
    made = adapter.predictor(program.apply(_placed(program)))((_batch(),))
    expected = tools.error(_reference(program), made)
    assert program.error(INT8, OPS) == pytest.approx(expected, rel=0.01)
    assert program.error(INT8, []) == 0
    assert 0 < program.error(INT8, OPS[:1]) < 0.05
    assert program.sketch(INT8, OPS) == {}
    assert program.error(BF16, OPS) > 0


def test_every_op_and_its_casts_have_a_time(program: Program) -> None:
    found = program.time(INT8, frozenset(OPS), time.perf_counter, 0.0)
    assert {op for op, _precision in found.ops} == set(OPS)
    assert found.ops["net_inner_fwd", INT8].median > 0
    sources = {source for _shape, source, _target in found.casts}
    assert sources == {FP32, BF16}


def test_scales_give_the_same_bytes_without_batches(
    traced: Program, program: Program, tmp_path: Path
) -> None:
    again = traced.with_scales(dict(program.scales), HOW)
    assert again.int8_refusals == program.int8_refusals
    files = []
    for name, each in (("one", program), ("other", again)):
        folder = tmp_path / name
        folder.mkdir()
        each.save(each.apply(_placed(each, BF16)), folder / "m-symbol.json")
        files.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert files[0] == files[1]
    with pytest.raises(PlanError, match="no int8 scale of tensor"):
        traced.with_scales({}, HOW)


def test_without_scales_nothing_is_int8(traced: Program) -> None:
    placement = {op.id: FP32 for op in traced.graph.ops} | {OPS[0]: INT8}
    with pytest.raises(PlanError, match="nothing was calibrated"):
        traced.apply(placement)
    with pytest.raises(DataError, match="no batch"):
        traced.calibrated([], HOW)


REFUSED = {
    "net_stem_fwd": (Sides(Integers("uint8")), "no zero point"),
    "net_dense_fwd": (Sides(Integers(scheme="asym")), "no zero point"),
    "net_inner_fwd": (
        Sides(Integers(granularity="per_channel")),
        "for each channel",
    ),
    "net_last_fwd": (Sides(weight=Integers("uint8")), "int8 without a zero point"),
    "net_head_fwd": (Sides(weight=Integers(granularity="per_tensor")), "by channel"),
}


def test_forms_without_a_kernel_are_refused(traced: Program) -> None:
    how = Quantization(by_op={op: sides for op, (sides, _why) in REFUSED.items()})
    found = traced.calibrated([(_batch(),)], how)
    for op, (_sides, why) in REFUSED.items():
        assert why in found.int8_refusals[op]
        assert found.graph.by_id[op].kernel(INT8) is None
    again = traced.with_scales(dict(found.scales), how)
    assert again.int8_refusals == found.int8_refusals


def test_scales_as_the_model_runs_are_refused(traced: Program) -> None:
    found = traced.calibrated([(_batch(),)], Quantization(dynamic=True))
    assert set(found.int8_refusals) == set(OPS) and not found.scales


def test_what_is_never_negative_may_be_unsigned_or_signed(
    traced: Program, tools: Any
) -> None:
    for dtype in ("uint8", "int8"):
        own = {"net_inner_fwd": Sides(activation=Integers(dtype))}
        found = traced.calibrated([(_batch(),)], Quantization(by_op=own))
        assert not found.int8_refusals
        (taken,) = (s for n, s in found.scales.items() if n == _taken(found))
        assert (taken.dtype, taken.zero_point) == (dtype, 0)
        made = adapter.predictor(found.apply(_placed(found)))((_batch(),))
        assert 0 < tools.error(_reference(found), made) < 0.05


def _taken(program: Program) -> str:
    return str(program.graph.by_id["net_inner_fwd"].inputs[0].tensor)


@pytest.mark.nightly
def test_least_divergence_cuts_off_what_is_rare(tools: Any) -> None:
    values = np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32)
    values[0, 0] = 50
    block = mx.gluon.nn.Dense(4, in_units=64)
    block.initialize(mx.init.Normal(0.1))
    program = tools.trace(block, values)
    how = Quantization(sides=Sides(activation=Integers(algorithm="kl")))
    kl = program.calibrated([(values,)], how)
    (name,) = program.graph.inputs
    minmax = program.calibrated([(values,)], HOW)
    assert minmax.scales[name].scale == pytest.approx(50 / 127)
    assert kl.scales[name].scale < 0.5 * minmax.scales[name].scale


def test_what_is_not_finite_has_no_part_in_ranges(traced: Program) -> None:
    batch = _batch()
    batch[0, 0, 0, 0] = np.inf
    found = traced.calibrated([(batch,)], HOW)
    assert found.scales["data"].scale < 0.1


def _sum(data: Any, name: str, clamped: bool, signed: bool) -> Any:
    """A product, and what was a product or a ReLU before, in either order."""
    sym, same = mx.sym, {"kernel": (3, 3), "pad": (1, 1), "num_filter": 8}
    first = sym.Convolution(data, name=f"{name}_first", **same)
    if not signed:
        first = sym.Activation(first, act_type="relu", name=f"{name}_positive")
    second = sym.Convolution(first, name=f"{name}_second", **same)
    x = first + second if signed else second + first
    if clamped:
        x = sym.Activation(x, act_type="relu", name=f"{name}_clamped")
    return sym.Convolution(x, name=f"{name}_third", **same)


def test_sums_of_either_sign_are_right(tools: Any) -> None:
    cases = [(clamped, signed) for clamped in (True, False) for signed in (True, False)]
    data = mx.sym.var("data")
    found = mx.sym.Group([_sum(data, f"of{k}", *case) for k, case in enumerate(cases)])
    sizes, _outputs, _states = found.infer_shape(data=SHAPE)
    mx.random.seed(0)
    args = {
        name: mx.nd.random.normal(0, 0.15, shape)
        for name, shape in zip(found.list_arguments(), sizes, strict=True)
        if name != "data"
    }
    model = adapter.open_supplied((found, args, {}))
    program = tools.trace(model, _batch()).calibrated([(_batch(),)], HOW)
    made = program.apply(_placed(program))
    assert program.graph.flops_int8(_placed(program)) > 0.95 * program.graph.flops
    assert _operators(made)["_sg_mkldnn_conv"] == 12
    # Two are summed in the kernel: those whose integers are of one kind.
    assert sum(node.attrs.get("with_sum") == "true" for node in made.nodes) == 2
    outputs = adapter.predictor(made)((_batch(),))
    for expected, output in zip(_reference(program), outputs, strict=True):
        assert 0 < tools.error([expected], [output]) < 0.05


class Drift:
    """How far outputs are from those of the fp32 model, relative to their size."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.pairs: list[tuple[Any, Any]] = []

    def update(self, outputs: Any, labels: Any) -> None:
        self.pairs.append((outputs, labels))

    def result(self) -> float:
        found, expected = map(np.concatenate, zip(*self.pairs, strict=True))
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _searched(program: Program, values: Any, pins: Pins) -> Placement:
    (expected,) = adapter.predictor(
        program.apply(dict.fromkeys(program.graph.by_id, FP32))
    )((values,))

    def batches() -> Iterator[tuple[Any, Any]]:
        yield (values,), expected

    def score(placement: Any, watch: Watch = to_the_end) -> Any:
        return evaluate(adapter.predictor(program.apply(placement)), batches, Drift)

    found = search(
        program,
        score,
        low=BF16,
        objective=low_compute,
        pins=pins,
        criterion=Criterion(absolute=0.05, higher_is_better=False),
        baseline=score(dict.fromkeys(program.graph.by_id, FP32)),
        budget=Budget(max_trials=10),
        progress=Terminal(io.StringIO()),
        clock=time.perf_counter,
    )
    placement: Placement = found.plans[0].placement
    assert score(placement).value < 0.05
    return placement


def test_what_int8_can_not_hold_is_raised_and_pins_forbid_it(tools: Any) -> None:
    """One feature is large and counts for nothing: its scale leaves the others little."""
    random = np.random.default_rng(0)
    values = random.standard_normal((32, 32)).astype(np.float32)
    values[:, 0] = 40
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=64, name="first")
    x = mx.sym.Activation(x, act_type="relu", name="positive")
    x = mx.sym.FullyConnected(x, num_hidden=32, name="second")
    symbol = mx.sym.FullyConnected(x, num_hidden=8, name="third")
    sizes, _outputs, _states = symbol.infer_shape(data=values.shape)
    args = {
        name: mx.nd.array(random.standard_normal(shape).astype(np.float32) * 0.2)
        for name, shape in zip(symbol.list_arguments(), sizes, strict=True)
        if name != "data"
    }
    args["first_weight"][:, 0] = 0
    model = adapter.open_supplied((symbol, args, {}))
    program = tools.trace(model, values).calibrated([(values,)], HOW)
    assert program.error(INT8, ["first"]) > 0.05
    names = ("first", "second", "third")
    placement = _searched(program, values, Pins())
    assert [placement[name] for name in names] == [BF16, INT8, INT8]
    forbidden = Pins(int8_names={"second": "quantization.op_wise['second']"})
    placement = _searched(program, values, forbidden)
    assert [placement[name] for name in names] == [BF16, BF16, INT8]
