"""Small models of every kind: converted, saved, and opened in plain MXNet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.graph.graph import Kind, Precision

BF16 = Precision.BF16

PLAIN = """
import json, sys
import mxnet as mx, numpy as np
prefix, out = sys.argv[1:3]
symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
batch = list(np.load(prefix + ".npz").values())
names = json.loads(sys.argv[3])
arrays = {name: mx.nd.array(value) for name, value in zip(names, batch)}
executor = symbol.bind(mx.cpu(), {**arguments, **arrays}, aux_states=states, grad_req="null")
outputs = executor.forward(is_train=False)
np.savez(out, *[output.asnumpy() for output in outputs])
nodes = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]
assert "narrowcast" not in sys.modules
print(json.dumps({
    "casts": [n["attrs"]["dtype"] for n in nodes if n["op"] == "amp_cast"],
    "outputs": symbol.list_outputs(),
    "dtypes": [str(output.dtype) for output in outputs],
    "parameters": {k: str(v.dtype) for k, v in {**arguments, **states}.items()},
}))
"""


def expected(traced: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = adapter.predictor(traced.model)(traced.case.batch)
    return found


def test_the_low_share_is_what_the_cpu_has_kernels_for(each: Any, tools: Any) -> None:
    placement = tools.all_low(each.program)
    assert tools.low_share(each.program, placement) >= each.case.share
    for op in each.program.graph.ops:
        if op.kind is Kind.COMPUTE and op.type not in each.case.fp32:
            assert placement[op.id] == BF16, op.id


def test_what_stays_fp32_says_why(each: Any) -> None:
    for op in each.program.graph.ops:
        if op.type in each.case.fp32:
            probe = each.program.probes[op.id]
            assert probe.output is None
            assert probe.message


def test_the_converted_model_computes_the_same_but_for_rounding(
    each: Any, tools: Any
) -> None:
    placement = tools.all_low(each.program)
    outputs = adapter.predictor(each.program.apply(placement))(each.case.batch)
    reference = expected(each)
    assert [o.dtype for o in outputs] == [r.dtype for r in reference]
    floats = [k for k, r in enumerate(reference) if r.ndim > 1]
    error = tools.error([reference[k] for k in floats], [outputs[k] for k in floats])
    low = [name for name, precision in placement.items() if precision == BF16]
    assert error <= 1.5 * each.program.error(BF16, low) + 1e-6
    assert error < 0.03


def test_all_fp32_is_the_model_as_loaded(each: Any, tools: Any) -> None:
    model = each.program.apply(tools.all_fp32(each.program))
    outputs = adapter.predictor(model)(each.case.batch)
    assert tools.error(expected(each), outputs) < 1e-5


def test_the_saved_files_run_in_plain_mxnet(
    each: Any, tools: Any, tmp_path: Path, python: Callable[..., Any]
) -> None:
    program = each.program
    placement = tools.all_low(program)
    model = program.apply(placement)
    path = program.save(model, tmp_path / "zoo.bf16-symbol.json")
    np.savez(tmp_path / "zoo.bf16.npz", *each.case.batch)
    script = tmp_path / "plain.py"
    script.write_text(PLAIN)
    names = json.dumps(list(program.graph.inputs))
    done = python(script, tmp_path / "zoo.bf16", tmp_path / "out.npz", names)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    outputs = list(np.load(tmp_path / "out.npz").values())
    again = adapter.load_saved(path)(each.case.batch)
    for plain, ours in zip(outputs, again, strict=True):
        np.testing.assert_array_equal(plain, ours)
    assert set(said["dtypes"]) == {"<class 'numpy.float32'>"}
    if "bf16" in placement.values():
        assert "bfloat16" in str(said["parameters"])
        assert "float32" in said["casts"]


def test_the_same_placement_gives_the_same_bytes(
    each: Any, tools: Any, tmp_path: Path
) -> None:
    placement = tools.all_low(each.program)
    written = []
    for folder in ("one", "other"):
        path = tmp_path / folder / "model.bf16-symbol.json"
        each.program.save(each.program.apply(placement), path)
        parameters = path.with_name("model.bf16-0000.params")
        written.append((path.read_bytes(), parameters.read_bytes()))
    assert written[0] == written[1]


@pytest.mark.parametrize("name", ["residual", "outputs"])
def test_outputs_keep_their_names(
    name: str, zoo: Any, tools: Any, tmp_path: Path
) -> None:
    traced = zoo(name)
    symbol = tools.saved(traced.model, tmp_path, *traced.case.batch)
    parameters = tmp_path / "model-0000.params"
    own = adapter.load_symbol(symbol, parameters)
    program = tools.trace(own, *traced.case.batch)
    path = tmp_path / "model.bf16-symbol.json"
    program.save(program.apply(tools.all_low(program)), path)
    from narrowcast.runtime.frameworks.mxnet.ir.library import mx

    kept = mx.sym.load(str(path)).list_outputs()
    assert kept[-1] == mx.sym.load(str(symbol)).list_outputs()[-1]
