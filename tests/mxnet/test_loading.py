"""Opening models: what MXNet itself writes, and what is no model or no safe one."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import ASSUMED, Input
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.opening.untrusted import params

nn = mx.gluon.nn
Files = tuple[Path, Path]


class Dense(nn.HybridBlock):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.one = nn.Dense(4, in_units=6)
            self.norm = nn.BatchNorm(in_channels=4)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self.norm(self.one(x))


def built() -> Any:
    model = Dense(prefix="net_")
    model.initialize(mx.init.Xavier())
    return model


@pytest.fixture
def files(tmp_path: Path, tools: Any) -> Files:
    symbol = tools.saved(built(), tmp_path, np.ones((2, 6), np.float32))
    return symbol, tmp_path / "model-0000.params"


def test_what_export_writes_is_opened(files: Files) -> None:
    model = adapter.load_symbol(*files)
    symbol, arguments, states = mx.model.load_checkpoint(str(files[0])[:-12], 0)
    assert set(model.parameters) == {*arguments, *states}
    assert model.auxiliary == set(states)
    batch = np.random.default_rng(0).standard_normal((3, 6), np.float32)
    (found,) = adapter.predictor(model)((batch,))
    executor = symbol.bind(
        mx.cpu(), {**arguments, "data": mx.nd.array(batch)}, aux_states=states
    )
    (own,) = executor.forward()
    np.testing.assert_array_equal(found, own.asnumpy())


DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_params_are_read_and_written_as_mxnet_does(dtype: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    arrays = {
        f"arg:a{k}": random.integers(0, 9, shape).astype(dtype)
        for k, shape in enumerate([(3,), (2, 3), (1, 2, 3, 4), (1,)])
    }
    made = {name: mx.nd.array(v, dtype=dtype) for name, v in arrays.items()}
    mx.nd.save(str(tmp_path / "own.params"), made)
    found = params.read(tmp_path / "own.params")
    assert list(found) == ["a0", "a1", "a2", "a3"]
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name.removeprefix("arg:")], values)
    assert params.to_bytes(arrays) == (tmp_path / "own.params").read_bytes()


def test_arrays_of_mxnets_first_versions_are_read() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    head = struct.pack("<QQQ", params.LIST, 0, 1)
    tail = struct.pack("<QQ", 1, 1) + b"w"
    device = struct.pack("<iii", 1, 0, 0)
    oldest = struct.pack("<III", 2, 2, 3) + device + values.tobytes()
    first = struct.pack("<Iiqq", params.V1, 2, 2, 3) + device + values.tobytes()
    for array in (oldest, first):
        (found,) = params.parse(head + array + tail, "old.params").values()
        np.testing.assert_array_equal(found, values)


def test_every_truncated_file_of_parameters_is_refused(files: Files) -> None:
    data = files[1].read_bytes()
    for size in [*range(0, 200, 7), *range(200, len(data), 29), len(data) - 1]:
        with pytest.raises(ModelError):
            params.parse(data[:size], "cut.params")


HUGE = {
    "arrays": struct.pack("<QQQ", params.LIST, 0, 2**60),
    "dimensions": struct.pack("<QQQIii", params.LIST, 0, 1, params.V2, 0, 2**30),
    "sizes": struct.pack(
        "<QQQIiiqqiii", params.LIST, 0, 1, params.V2, 0, 2, 2**40, 2**40, 1, 0, 0
    ),
    "negative sizes": struct.pack(
        "<QQQIiiqiii", params.LIST, 0, 1, params.V2, 0, 1, -1, 1, 0, 0
    ),
    "dtype": struct.pack(
        "<QQQIiiqiii", params.LIST, 0, 1, params.V2, 0, 1, 1, 1, 0, 77
    ),
    "sparse": struct.pack("<QQQIi", params.LIST, 0, 1, params.V2, 1),
    "beginning": b"PK\x03\x04" + bytes(60),
}


@pytest.mark.parametrize("name", HUGE)
def test_headers_that_lie_are_refused(name: str, files: Files) -> None:
    files[1].write_bytes(HUGE[name])
    with pytest.raises(ModelError) as error:
        adapter.load_symbol(*files)
    assert files[1].name in error.value.message
    assert error.value.remedy


def _edited(path: Path, edit: Callable[[Any], object]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def _node(data: Any, op: str) -> Any:
    return next(node for node in data["nodes"] if node["op"] == op)


BROKEN: dict[str, Callable[[Any], object]] = {
    "a later node": lambda d: _node(d, "FullyConnected")["inputs"][0].__setitem__(
        0, 99
    ),
    "itself": lambda d: d["nodes"][3].update(inputs=[[3, 0, 0]]),
    "a negative index": lambda d: d["heads"][0].__setitem__(0, -1),
    "an output that is not there": lambda d: d["heads"].append([0, 7, 0]),
    "no heads": lambda d: d.update(heads=[]),
    "no nodes": lambda d: d.pop("nodes"),
    "nodes that are numbers": lambda d: d.update(nodes=[1, 2]),
    "attributes that are numbers": lambda d: _node(d, "BatchNorm").update(
        attrs={"eps": 1}
    ),
    "an unknown operator": lambda d: _node(d, "BatchNorm").update(op="BatchNorn"),
    "an attribute that is none": lambda d: _node(d, "FullyConnected").update(
        attrs={"num_hidden": "many"}
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_symbol_that_is_none_is_refused(name: str, files: Files) -> None:
    _edited(files[0], BROKEN[name])
    with pytest.raises(ModelError) as error:
        adapter.load_symbol(*files)
    assert files[0].name in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "not JSON", "null"])
def test_text_that_is_no_symbol_is_refused(text: str, files: Files) -> None:
    files[0].write_text(text)
    with pytest.raises(ModelError, match=r"model-symbol\.json"):
        adapter.load_symbol(*files)


def test_missing_files_are_named(files: Files, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for pair in ((nowhere, files[1]), (files[0], nowhere)):
        with pytest.raises(ModelError, match="nowhere can't be read"):
            adapter.load_symbol(*pair)


def test_a_missing_parameter_is_named_with_what_is_near(files: Files) -> None:
    arrays = params.read(files[1])
    arrays["net_dense0_weigth"] = arrays.pop("net_dense0_weight")
    files[1].write_bytes(params.to_bytes(arrays))
    with pytest.raises(ModelError, match="no values for `net_dense0_weight`") as error:
        adapter.load_symbol(*files)
    assert "Did you mean net_dense0_weigth?" in error.value.remedy


def test_parameters_of_another_size_are_refused(files: Files) -> None:
    arrays = params.read(files[1])
    arrays["net_dense0_weight"] = np.ones((5, 6), np.float32)
    files[1].write_bytes(params.to_bytes(arrays))
    with pytest.raises(ModelError, match=r"net_dense0_weight has shape \(5, 6\)"):
        adapter.load_symbol(*files)


UNSAFE = ["Custom", "_Native", "_NDArray", "_cvimread", "_npi_Custom", "sgd_update"]


@pytest.mark.parametrize("operator", UNSAFE)
@pytest.mark.parametrize("inside", [False, True])
def test_operators_that_run_code_are_refused_unopened(
    operator: str, inside: bool, files: Files
) -> None:
    """In a body of a control-flow operator too."""
    bad = {"op": operator, "name": "bad", "attrs": {"op_type": "evil"}, "inputs": []}
    body = {"nodes": [bad], "arg_nodes": [], "heads": [[0, 0, 0]]}
    held = {"op": "_foreach", "name": "loop", "inputs": [], "subgraphs": [body]}
    _edited(files[0], lambda d: d["nodes"].append(held if inside else bad))
    with pytest.raises(
        ModelError, match=f"not safe to open: bad is {operator}"
    ) as error:
        adapter.load_symbol(*files)
    assert "trust: true" in error.value.remedy


EVIL = """
import sys
import mxnet as mx

@mx.operator.register("evil")
class Evil(mx.operator.CustomOpProp):
    def __init__(self):
        open(sys.argv[1], "w").write("ran")
        super().__init__(need_top_grad=False)

from pathlib import Path
from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import mxnet as adapter

folder = Path(sys.argv[2])
try:
    adapter.load_symbol(folder / "model-symbol.json", folder / "model-0000.params")
except ModelError as error:
    print(error.message)
mx.sym.load(str(folder / "model-symbol.json"))
"""


def test_a_malicious_symbol_is_refused_without_running(
    files: Files, tmp_path: Path, python: Any
) -> None:
    """Plain MXNet runs the operator's Python code when it opens the file."""
    bad = {"op": "Custom", "name": "bad", "attrs": {"op_type": "evil"}}
    _edited(
        files[0],
        lambda d: (
            d["nodes"].append({**bad, "inputs": [d["heads"][0]]}),
            d.update(heads=[[len(d["nodes"]) - 1, 0, 0]]),
        ),
    )
    script = tmp_path / "evil.py"
    text, plain = EVIL.rsplit("mx.sym.load", 1)
    script.write_text(text)
    mark = tmp_path / "mark"
    done = python(script, mark, tmp_path)
    assert "not safe to open" in done.stdout, done.stderr
    assert not mark.exists()
    script.write_text(f"{text}mx.sym.load{plain}")
    python(script, mark, tmp_path)
    assert mark.exists()


def test_a_symbol_that_was_fused_already_is_refused(files: Files) -> None:
    _edited(files[0], lambda d: _node(d, "BatchNorm").update(op="_sg_mkldnn_conv"))
    with pytest.raises(ModelError, match="changed for one backend"):
        adapter.load_symbol(*files, trust=True)


def test_a_block_takes_its_own_files(tmp_path: Path) -> None:
    model, batch = built(), mx.nd.ones((2, 6))
    expected = model(batch).asnumpy()
    model.save_parameters(str(tmp_path / "saved.params"))
    model.collect_params().save(str(tmp_path / "collected.params"))
    model.hybridize()
    model(batch)
    model.export(str(tmp_path / "exported"))
    for name in ("saved.params", "collected.params", "exported-0000.params"):
        other = Dense(prefix="net_")
        adapter.load_parameters(other, tmp_path / name)
        np.testing.assert_allclose(other(batch).asnumpy(), expected, rtol=1e-6)


def test_a_blocks_parameters_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "saved.params"
    built().save_parameters(str(path))
    arrays = params.read(path)
    renamed = {k.replace("one.weight", "one.wieght"): v for k, v in arrays.items()}
    path.write_bytes(params.to_bytes(renamed))
    with pytest.raises(ModelError, match=r"no values for `one.weight`") as error:
        adapter.load_parameters(built(), path)
    assert "one.wieght" in error.value.remedy
    path.write_bytes(params.to_bytes({**arrays, "one.bias": np.ones(3, np.float32)}))
    with pytest.raises(ModelError, match=r"one.bias has shape \(3,\)"):
        adapter.load_parameters(built(), path)


@mx.util.use_np  # type: ignore[untyped-decorator]
def test_a_block_in_numpys_semantics_is_converted(tools: Any) -> None:
    model = nn.HybridSequential()
    model.add(nn.Conv2D(8, 3, in_channels=3), nn.BatchNorm(in_channels=8))
    model.add(nn.Dense(4))
    model.initialize()
    batch = np.random.default_rng(2).standard_normal((2, 3, 8, 8), np.float32)
    program = tools.trace(model, batch)
    placement = tools.all_low(program)
    assert tools.low_share(program, placement) == 1.0
    found = adapter.predictor(program.apply(placement))((batch,))
    expected = adapter.predictor(model)((batch,))
    assert 0 < tools.error(expected, found) < 0.02


def test_what_is_no_hybrid_block_is_refused() -> None:
    class Plain(mx.gluon.Block):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x

    for model, said in (
        (Plain(), "no HybridBlock"),
        (Dense, "is a class"),
        (Dense(), "no values"),
        ({}, "dict is no HybridBlock"),
    ):
        with pytest.raises(ModelError, match=said):
            adapter.block_model(model)


def two_inputs() -> Any:
    a, b = mx.sym.var("first"), mx.sym.var("second")
    from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical

    return canonical(mx.sym.broadcast_sub(a, b), {})


def test_inputs_go_by_their_names_in_the_saved_model_too(
    tools: Any, tmp_path: Path
) -> None:
    model = two_inputs()
    second, first = np.ones((1, 3), np.float32), np.full((2, 3), 5, np.float32)
    inputs = [Input("second", (1, 3), "float32"), Input("first", (2, 3), "float32")]
    (found,) = adapter.predictor(model, inputs)((second, first))
    np.testing.assert_array_equal(found, np.full((2, 3), 4))
    program = tools.trace(model, second, first, inputs=inputs)
    low = program.apply(tools.all_low(program))
    np.testing.assert_array_equal(adapter.predictor(low)((second, first))[0], found)
    path = program.save(low, tmp_path / "two.bf16-symbol.json")
    np.testing.assert_array_equal(adapter.load_saved(path)((second, first))[0], found)


def test_an_unknown_input_is_named_with_what_is_near() -> None:
    inputs = [Input("frist"), Input("second")]
    with pytest.raises(DataError, match="`frist`, which is no input") as error:
        adapter.predictor(two_inputs(), inputs)
    assert "first" in error.value.remedy


def test_a_batch_of_another_count_or_size_is_an_error(files: Files) -> None:
    predict = adapter.predictor(adapter.load_symbol(*files))
    with pytest.raises(DataError, match="gives 2 inputs, the symbol takes 1: data"):
        predict((np.ones((2, 6)), np.ones(2)))
    with pytest.raises(
        ModelError, match=r"fails on the batch, float32 \(2, 7\)"
    ) as error:
        predict((np.ones((2, 7), np.float32),))
    assert "model.inputs" in error.value.remedy
    with pytest.raises(ModelError, match=r"float32 \(2, 7\)") as error:
        adapter.predictor(built())((np.ones((2, 7), np.float32),))
    assert "model.inputs" in error.value.remedy


def test_operators_that_must_know_their_inputs_size_are_opened(tmp_path: Path) -> None:
    """Without a batch nobody knows it: exported symbols don't declare it."""
    x = mx.sym.FullyConnected(
        mx.sym.var("data"), num_hidden=4, flatten=False, no_bias=True, name="dense"
    )
    for k, y in enumerate(
        (
            mx.sym.L2Normalization(x),
            mx.sym.SequenceMask(x),
            mx.sym.topk(x, ret_typ="value"),
            mx.sym.contrib.interleaved_matmul_selfatt_qk(x, heads=1),
            mx.sym.reshape_like(x, x, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=1),
        )
    ):
        path, values = tmp_path / f"{k}-symbol.json", tmp_path / f"{k}-0000.params"
        y.save(str(path))
        mx.nd.save(str(values), {"arg:dense_weight": mx.nd.ones((4, 6))})
        model = adapter.load_symbol(path, values)
        assert [each.name for each in adapter.signature(model)] == ["data"]
        adapter.predictor(model)((np.ones((2, 3, 6), np.float32),))


def test_labels_of_a_trained_symbol_are_no_inputs(tools: Any, tmp_path: Path) -> None:
    from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical

    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="dense")
    symbol = mx.sym.SoftmaxOutput(x, name="softmax")
    values = {
        "dense_weight": np.eye(3, 4, dtype=np.float32),
        "dense_bias": np.zeros(3, np.float32),
    }
    model = canonical(symbol, values)
    assert [each.name for each in adapter.signature(model)] == ["data"]
    batch = np.random.default_rng(3).standard_normal((5, 4), np.float32)
    program = tools.trace(model, batch)
    path = tmp_path / "trained.bf16-symbol.json"
    saved = program.save(program.apply(tools.all_low(program)), path)
    (found,) = adapter.load_saved(saved)((batch,))
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
    assert mx.sym.load(str(path)).list_arguments()[-1] == "softmax_label"


def test_a_model_declares_what_it_knows(files: Files) -> None:
    (own,) = adapter.signature(adapter.load_symbol(*files))
    assert own == Input("data")
    _edited(
        files[0],
        lambda d: _node(d, "null").update(attrs={"__shape__": "(0, 6)"}),
    )
    (declared,) = adapter.signature(adapter.load_symbol(*files))
    assert declared == Input("data", ("batch", 6))
    (block,) = adapter.signature(built())
    assert block == Input("x")


def test_a_symbol_saved_without_its_casts_is_no_model(
    zoo: Any, tools: Any, tmp_path: Path
) -> None:
    """What a later default save does, and why it must be told not to."""
    program = zoo("residual").program
    path = tmp_path / "model.bf16-symbol.json"
    program.save(program.apply(tools.all_low(program)), path)
    mx.sym.load(str(path)).save(str(path))
    with pytest.raises(ModelError):
        adapter.load_saved(path)(zoo("residual").case.batch)
    assert any("remove_amp_cast" in note for note in program.notes)


class Heads(nn.HybridBlock):  # type: ignore[misc]
    """Returns w x, 2 w x and a softmax of 3 w x; w is the identity."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with self.name_scope():
            self.one = nn.Dense(4, in_units=4, use_bias=False)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        y = self.one(x)
        score = F.identity(3 * y, name="score")
        parts = F.split(2 * y, num_outputs=2, name="parts")
        return y, [parts[1], F.softmax(score, name="chance")]


EXPECTED = {"one": 1.0, "parts": 2.0, "chance": 0.25, "score": 3.0}

SELECTED = [
    (["net_dense0_fwd_output"], ["one"]),
    (["net_dense0_fwd"], ["one"]),
    (["net_chance", "net_parts_output1"], ["chance", "parts"]),
    (["a", "b", "c"], ["one", "parts", "chance"]),  # labels
    ([], ["one", "parts", "chance"]),
]


@pytest.fixture
def several(tmp_path: Path, tools: Any) -> tuple[Any, Files]:
    block = Heads(prefix="net_")
    block.initialize()
    block.one.weight.set_data(mx.nd.array(np.eye(4)))
    path = tools.saved(block, tmp_path, np.ones((2, 4), np.float32))
    return block, (path, tmp_path / "model-0000.params")


def opened(several: tuple[Any, Files], names: list[str]) -> list[Any]:
    """As a symbol, as the block, and as Gluon opens the symbol."""
    block, files = several
    imported = mx.gluon.SymbolBlock.imports(str(files[0]), ["data"], str(files[1]))
    return [
        adapter.load_symbol(*files, outputs=names),
        adapter.block_model(block, outputs=names),
        adapter.block_model(imported, outputs=names),
    ]


@pytest.mark.parametrize(("names", "kept"), SELECTED)
def test_outputs_are_selected_by_name(
    names: list[str], kept: list[str], several: tuple[Any, Files]
) -> None:
    for model in opened(several, names):
        found = adapter.predictor(model)((np.ones((2, 4), np.float32),))
        assert [float(v[1, 1]) for v in found] == [EXPECTED[k] for k in kept]


def test_a_converted_model_has_the_selected_outputs(
    several: tuple[Any, Files], tools: Any
) -> None:
    names, kept = SELECTED[2]
    batch = np.ones((2, 4), np.float32)
    symbol, block, _imported = opened(several, names)
    for model in (symbol, block):
        program = tools.trace(model, batch, outputs=names)
        found = adapter.predictor(program.apply(tools.all_low(program)))((batch,))
        assert [float(v[1, 1]) for v in found] == [EXPECTED[k] for k in kept]


def test_what_leads_to_no_selected_output_is_cut(
    several: tuple[Any, Files], tmp_path: Path
) -> None:
    """Ops may be named too; a label of a loss behind them is no input then."""
    files = several[1]
    model = adapter.load_symbol(*files, outputs=["net_score_output"])
    (found,) = adapter.predictor(model)((np.ones((2, 4), np.float32),))
    assert float(found[0, 0]) == EXPECTED["score"]
    assert not {"softmax", "SliceChannel"} & {node.op for node in model.nodes}
    fc = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    other = mx.sym.FullyConnected(mx.sym.var("extra"), num_hidden=4, name="other")
    mx.sym.Group([mx.sym.SoftmaxOutput(fc, name="softmax"), other]).save(str(files[0]))
    weights = {"arg:fc_weight": np.eye(4), "arg:fc_bias": np.zeros(4)}
    weights |= {f"arg:other_{k[7:]}": v for k, v in weights.items()}
    mx.nd.save(str(files[1]), {k: mx.nd.array(v) for k, v in weights.items()})
    model = adapter.load_symbol(*files, outputs=["softmax"])
    assert [node.name for node in model.nodes if node.variable] == [
        "data",
        "fc_weight",
        "fc_bias",
        "softmax_label",
    ]
    assert set(model.parameters) == {"fc_weight", "fc_bias"}
    with pytest.raises(DataError, match="takes 1: data"):
        adapter.predictor(model)((np.ones((2, 4)), np.ones((2, 4))))
    inner = adapter.load_symbol(*files, outputs=["fc_output"])
    assert [node.name for node in inner.nodes][-1] == "fc"


def test_an_output_that_is_not_there_is_named(several: tuple[Any, Files]) -> None:
    block, files = several
    batch = (np.ones((2, 4), np.float32),)
    for names in (["net_chance", "net_part_output1"], ["net_part_output1"]):
        with pytest.raises(ModelError, match="no output net_part_output1, which") as no:
            adapter.load_symbol(*files, outputs=names)
        assert "`net_parts_output1`" in no.value.remedy
        with pytest.raises(ModelError, match="no output net_part_output1, which"):
            adapter.predictor(adapter.block_model(block, outputs=names))(batch)


class Pair(nn.HybridBlock):  # type: ignore[misc]
    def hybrid_forward(self, F: Any, x: Any, y: Any) -> Any:
        return F.exp(x, name="first"), F.exp(y, name="second")


def test_a_blocks_outputs_that_leave_an_input_unused_are_refused(tools: Any) -> None:
    block = Pair(prefix="pair_")
    block.initialize()
    model = adapter.block_model(block, outputs=["pair_second"])
    with pytest.raises(ModelError, match="depend on 1 of the 2 inputs alone"):
        tools.trace(model, *np.ones((2, 3, 4), np.float32))


@pytest.mark.parametrize(
    ("layers", "side"),
    [
        ([nn.Conv2D(2, 3), nn.GlobalAvgPool2D(), nn.Dense(3)], 224),
        ([nn.BatchNorm(), nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(3)], 9),
    ],
    ids=["any size", "one size"],
)
def test_the_size_of_an_image_is_one_that_the_layers_take(
    layers: list[Any], side: int, tmp_path: Path, tools: Any
) -> None:
    """What export writes does not say it; height and width are taken to be equal."""
    model = nn.HybridSequential()
    model.add(*layers)
    model.initialize()
    symbol = tools.saved(model, tmp_path, np.ones((1, 3, 9, 9), np.float32))
    (found,) = adapter.signature(
        adapter.load_symbol(symbol, tmp_path / "model-0000.params")
    )
    assert found.shape == ("batch", 3, side, side)
    assert found.by == ASSUMED
