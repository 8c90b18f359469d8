"""The adjoint sketch against the output error of each op alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import one_model
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.measuring.output_errors import OutputErrors
from narrowcast.runtime.frameworks.mxnet import Program
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.frameworks.mxnet.measuring.output_errors import Reruns
from narrowcast.runtime.frameworks.mxnet.measuring.sketch import sketch
from narrowcast.runtime.frameworks.mxnet.running.interpreter import Runner
from narrowcast.runtime.graph.graph import Kind, Op, Precision

nn, vision = mx.gluon.nn, mx.gluon.model_zoo.vision
BF16 = Precision.BF16
PROBES = 100
"""With so many random signs an estimate's standard deviation is 14 %."""

WITHIN = (0.6, 1.6)


def lowable(program: Program) -> list[str]:
    return [op.id for op in program.graph.ops if op.kernel(BF16)]


def squares(program: Program) -> dict[str, float]:
    return {name: program.error(BF16, (name,)) ** 2 for name in lowable(program)}


def spearman(one: Any, other: Any) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def trained() -> tuple[Any, Any]:
    """The MNIST CNN and sixteen digits."""
    net = nn.HybridSequential()
    for channels in (32, 64, 128):
        net.add(nn.Conv2D(channels, 3, padding=1), nn.Activation("relu"))
        net.add(nn.MaxPool2D(2))
    net.add(nn.Flatten(), nn.Dense(256), nn.Activation("relu"), nn.Dense(10))
    net.initialize()
    batch = one_model.digits()[0][:16]
    net(mx.nd.array(batch))
    made = net.collect_params().values()
    for parameter, value in zip(made, one_model.weights().values(), strict=True):
        parameter.set_data(mx.nd.array(value))
    return net, batch


def deep() -> tuple[Any, Any]:
    """ResNet-18, whose weights are random: no trained ones come with MXNet."""
    mx.random.seed(1)
    net = vision.resnet18_v1()
    net.initialize(mx.init.Xavier())
    return net, np.random.default_rng(1).standard_normal((2, 3, 32, 32), np.float32)


@pytest.fixture(scope="module", params=[trained, deep])
def real(request: pytest.FixtureRequest, tools: Any) -> tuple[Any, Any, Program]:
    model, batch = request.param()
    return model, batch, tools.trace(model, batch)


def test_the_sketch_is_the_square_of_each_ops_own_error(real: Any) -> None:
    _model, _batch, program = real
    true, found = (
        squares(program),
        program.sketch(BF16, lowable(program), probes=PROBES),
    )
    assert found.keys() == true.keys()
    heavy = [
        name for name, square in true.items() if square >= 0.02 * max(true.values())
    ]
    assert len(heavy) >= 8
    for name in heavy:
        assert WITHIN[0] < found[name] / true[name] < WITHIN[1], name
    names = [o.id for o in program.graph.ops if o.id in true and o.kind != Kind.MOVER]
    assert spearman([true[n] for n in names], [found[n] for n in names]) >= 0.95


def test_four_probes_tell_what_all_ops_do_together(real: Any) -> None:
    _model, _batch, program = real
    found = program.sketch(BF16, lowable(program))
    assert 0.5 < sum(found.values()) / sum(squares(program).values()) < 2


def test_a_group_low_errs_like_the_converted_model(real: Any) -> None:
    """To a quarter: oneDNN's fusions leave out some of the roundings in between."""
    model, batch, program = real
    (expected,) = adapter.predictor(model)((batch,))
    random = np.random.default_rng(0)
    for _ in range(4):
        share = random.uniform(0.1, 1)
        group = {name for name in lowable(program) if random.random() < share}
        (found,) = adapter.predictor(program.apply(placed(program, group)))((batch,))
        true = relative_error(expected, found)
        assert program.error(BF16, group) == pytest.approx(true, rel=0.25)


def test_without_fusions_a_group_low_is_the_converted_model(zoo: Any) -> None:
    random = np.random.default_rng(0)
    for name in ("embedding", "sharing"):
        model, program = zoo(name).model, zoo(name).program
        batch = zoo(name).case.batch
        (expected,) = adapter.predictor(model)(batch)
        for _ in range(3):
            group = {each for each in lowable(program) if random.random() < 0.6}
            (found,) = adapter.predictor(program.apply(placed(program, group)))(batch)
            true = relative_error(expected, found)
            assert program.error(BF16, group) == pytest.approx(true, rel=0.01, abs=1e-5)


def placed(program: Program, low: set[str]) -> dict[str, Precision]:
    return {op.id: BF16 if op.id in low else Precision.FP32 for op in program.graph.ops}


def test_an_error_builds_nothing(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program = zoo("sharing").program
    low = lowable(program)
    before = program.error(BF16, low)

    def rebuilt(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("a symbol was made")

    for name in ("bind", "simple_bind"):
        monkeypatch.setattr(mx.sym.Symbol, name, rebuilt)
    monkeypatch.setattr(mx.sym, "load_json", rebuilt)
    assert program.error(BF16, low) == before
    assert program.error(BF16, low[:1]) > 0


# Symbols in which one thing each is special.

SIZE = 16


def dense(x: Any, name: str, width: int = SIZE) -> Any:
    return mx.sym.FullyConnected(x, num_hidden=width, name=name)


class Run:
    """A symbol with random weights on a random batch, all of whose ops may be low."""

    def __init__(self, *heads: Any, scale: Mapping[str, float] = {}) -> None:
        symbol = mx.sym.Group(list(heads))
        random = np.random.default_rng(5)
        batch = random.standard_normal((8, SIZE)).astype(np.float32)
        shapes, _outputs, _states = symbol.infer_shape(data=batch.shape)
        values = {
            name: scale.get(name, 1.0) * random.standard_normal(shape) / SIZE**0.5
            for name, shape in zip(symbol.list_arguments(), shapes, strict=True)
            if name != "data" and not name.endswith("label")
        }
        network = canonical(symbol, {k: v.astype("f") for k, v in values.items()})
        self.keys = {node.name: k for k, node in enumerate(network.nodes)}
        self.reruns = Reruns(Runner(network, [batch]), lambda _int8, _outputs: network)
        self.errors = OutputErrors(self.reruns, {}, relative_error)

    def error(self, *names: str) -> float:
        ops = [
            Op(name, "", Kind.COMPUTE, (), (), key=self.keys[name]) for name in names
        ]
        return self.errors.error(BF16, ops)

    def sketch(self, *names: str, probes: int = PROBES) -> dict[str, float]:
        wanted = {self.keys[name]: name for name in names}
        runner, compared = self.reruns.runner, self.reruns.compared
        found = sketch(runner, compared, BF16, wanted, probes=probes, seed=0)
        return {wanted[key]: square for key, square in found.items()}

    def ratios(self, *names: str) -> dict[str, float]:
        """The sketch over the true square."""
        return {k: v / self.error(k) ** 2 for k, v in self.sketch(*names).items()}


def test_behind_places_the_scores_are_compared() -> None:
    scores = dense(mx.sym.tanh(dense(mx.sym.var("data"), "first"), name="t"), "last")
    best = mx.sym.argmax(scores, axis=1, name="best")
    row = mx.sym.expand_dims(best, axis=1, name="row")
    plain = Run(scores)
    wanted = plain.sketch("first", "t", "last")
    assert len(wanted) == 3
    for tail in (best, row):
        assert Run(tail).sketch("first", "t", "last") == pytest.approx(wanted)
        assert Run(tail).error("first") == pytest.approx(plain.error("first"))


def test_outputs_of_other_sizes_count_alike() -> None:
    body = dense(mx.sym.var("data"), "body")
    heads = [dense(body, name) for name in ("boxes", "scores")]
    plain = Run(*heads)
    scaled = Run(*heads, scale={"boxes_weight": 1e4, "boxes_bias": 1e4})
    for run in (plain, scaled):
        for name, ratio in run.ratios("boxes", "scores").items():
            assert WITHIN[0] < ratio < WITHIN[1], name
    both = [run.sketch("body")["body"] for run in (plain, scaled)]
    assert both[1] == pytest.approx(both[0], rel=0.5)


def test_ops_that_no_gradient_reaches_are_missing(zoo: Any) -> None:
    x = dense(mx.sym.var("data"), "first")
    total = mx.sym.multi_sum_sq(dense(x, "lost"), num_arrays=1)  # has no gradient
    steps = mx.sym.floor(dense(x, "stepped"))
    last = mx.sym.broadcast_add(dense(x, "beside"), total, name="last")
    found = Run(dense(last + steps, "end"), dense(x, "other")).sketch(
        "first", "lost", "stepped", "beside", "last", "end", "other"
    )
    assert found.keys() == {"beside", "last", "end", "other"}  # of "first" only a part
    branches = zoo("branches").program
    (end,) = branches.sketch(BF16, lowable(branches))
    assert end.endswith("dense1_fwd")


def test_whose_sizes_alone_are_taken_harms_nothing() -> None:
    data = mx.sym.var("data")
    x = dense(data, "first")
    y = mx.sym.reshape_like(dense(data, "other"), x)
    z = mx.sym.broadcast_add(x, mx.sym.zeros_like(x))
    found = Run(y, z).sketch("first", "other")
    assert found.keys() == {"first", "other"}


HEADS = {
    "softmax": mx.sym.SoftmaxOutput,
    "logistic": mx.sym.LogisticRegressionOutput,
    "linear": mx.sym.LinearRegressionOutput,
    "loss": mx.sym.MakeLoss,
    "stopped": mx.sym.BlockGrad,
}


def test_through_losses_goes_the_derivative() -> None:
    """MXNet's own gradient of them is that of the loss, or none at all."""
    x = mx.sym.var("data")
    heads = [head(dense(x, name), name=f"{name}_out") for name, head in HEADS.items()]
    found = Run(*heads).ratios(*HEADS)
    assert found.keys() == HEADS.keys()
    for name, ratio in found.items():
        assert WITHIN[0] < ratio < WITHIN[1], name


def test_what_overflows_is_infinitely_wrong() -> None:
    """3.4e38 is a number in fp32 and none in bf16, which rounds it up."""
    ones = mx.sym.sign(mx.sym.abs(mx.sym.var("data")))
    large = mx.sym._internal._MulScalar(ones, scalar=3.4e38, name="large")
    back = mx.sym._internal._MulScalar(large, scalar=1e-38, name="back")
    run = Run(dense(back, "end"))
    found = run.sketch("back", "end")
    assert found["back"] == run.error("back") == np.inf
    assert 0 < found["end"] < 1e-3


def test_one_seed_gives_one_sketch(zoo: Any) -> None:
    program = zoo("embedding").program
    ops = lowable(program)
    first = program.sketch(BF16, ops, seed=3)
    assert json.dumps(first) == json.dumps(program.sketch(BF16, ops, seed=3))
    assert first != program.sketch(BF16, ops, seed=4)
    assert program.sketch(BF16, ops[:2], seed=3) == {n: first[n] for n in ops[:2]}
    everything = [op.id for op in program.graph.ops]
    assert program.sketch(BF16, everything, seed=3) == first
