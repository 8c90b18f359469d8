"""What is saved loads in plain TensorFlow, in a fresh process, and is low there."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from placements import able_low
from tensorflow.core.protobuf import saved_model_pb2

from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.evaluation.saved import predict_file
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision

PLAIN = """
import json, sys
import numpy as np
import tensorflow as tf
assert not any(name.startswith("narrowcast") for name in sys.modules)
loaded = tf.saved_model.load(sys.argv[1])
function = loaded.signatures["serving_default"]
with np.load(sys.argv[2]) as batch:
    inputs = {name: tf.constant(batch[name]) for name in batch.files}
outputs = function(**inputs)
np.savez(sys.argv[3], **{name: value.numpy() for name, value in outputs.items()})
print(json.dumps({
    "takes": {k: [v.dtype.name, v.shape.as_list()]
              for k, v in function.structured_input_signature[1].items()},
    "gives": {k: [v.dtype.name, v.shape.as_list()]
              for k, v in function.structured_outputs.items()},
}))
"""


def nodes_of(path: Path) -> list[Any]:
    """All nodes of a SavedModel, functions' included."""
    saved_model = saved_model_pb2.SavedModel.FromString(
        (path / "saved_model.pb").read_bytes()
    )
    graph = saved_model.meta_graphs[0].graph_def
    inside = [node for f in graph.library.function for node in f.node_def]
    return [*graph.node, *inside]


@pytest.mark.parametrize("name", ["residual", "lstm", "branches", "outputs"])
def test_plain_tensorflow_loads_the_same_signature(
    name: str, traced: Any, all_low: Any, zoo: Any, tmp_path: Path
) -> None:
    program, case = traced(name), zoo(name)
    model = program.apply(all_low(program))
    path = program.save(model, tmp_path / "model.bf16")
    signature = case.model.signature
    batch = {e.name: v for e, v in zip(signature.inputs, case.batch, strict=True)}
    np.savez(tmp_path / "in.npz", **batch)
    command = [sys.executable, "-c", PLAIN, path, tmp_path / "in.npz"]
    ran = subprocess.run(
        [*map(str, command), str(tmp_path / "out.npz")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    told = json.loads(ran.stdout)
    assert told["takes"] == {e.name: [e.dtype, list(e.shape)] for e in signature.inputs}
    assert told["gives"] == {
        e.name: [e.dtype, list(e.shape)] for e in signature.outputs
    }
    expected = adapter.predictor(model)(case.batch)
    with np.load(tmp_path / "out.npz") as outputs:
        for endpoint, value in zip(signature.outputs, expected, strict=True):
            np.testing.assert_array_equal(outputs[endpoint.name], value)


def test_contractions_and_weights_are_low_in_the_file(
    case: Any, traced: Any, all_low: Any, tmp_path: Path
) -> None:
    program = traced(case.name)
    path = program.save(program.apply(all_low(program)), tmp_path / "m")
    low = tf.bfloat16.as_datatype_enum
    found = nodes_of(path)
    contractions = [
        node
        for node in found
        if node.op in {"MatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput"}
        or node.op in {"DepthwiseConv2dNative", "Einsum"}
    ]
    assert contractions
    assert {node.attr["T"].type for node in contractions} == {low}
    large = [
        node.attr["dtype"].type
        for node in found
        if node.op == "Const"
        and np.prod([d.size for d in node.attr["value"].tensor.tensor_shape.dim]) > 30
    ]
    assert set(large) <= {low}
    assert any(node.op == "Cast" for node in found)


def test_the_same_placement_gives_the_same_bytes(
    case: Any, traced: Any, all_low: Any, tmp_path: Path
) -> None:
    program = traced(case.name)
    one = program.save(program.apply(all_low(program)), tmp_path / "one")
    other = program.save(program.apply(all_low(program)), tmp_path / "other")
    files = [p.relative_to(one) for p in sorted(one.rglob("*")) if p.is_file()]
    assert len(files) == 3
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes()


def test_another_process_writes_the_same_bytes(
    traced: Any, zoo: Any, tmp_path: Path
) -> None:
    """A frozen model that is handed over as bytes, so that only conversion counts."""
    case, program = zoo("branches"), traced("branches")
    here = program.save(program.apply(able_low(program)), tmp_path / "here")
    (tmp_path / "model.pb").write_bytes(
        case.model.frozen.graph_def.SerializeToString(deterministic=True)
    )
    for seed in ("1", "2"):
        there = tmp_path / f"there{seed}"
        arguments = [tmp_path / "model.pb", there, *_ends(case)]
        subprocess.run(
            [sys.executable, "-c", AGAIN, *map(str, arguments)],
            check=True,
            capture_output=True,
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
        )
        for name in ("saved_model.pb", "fingerprint.pb"):
            assert (there / name).read_bytes() == (here / name).read_bytes()


def _ends(case: Any) -> list[str]:
    signature = case.model.signature
    return [signature.inputs[0].tensor, signature.outputs[0].tensor]


AGAIN = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.tensorflow.ir.frozen import Endpoint, Frozen, Signature
from narrowcast.runtime.graph.graph import Precision
file, target, taken, given = sys.argv[1:]
graph_def = tf.compat.v1.GraphDef.FromString(Path(file).read_bytes())
signature = Signature(
    "serving_default",
    (Endpoint("input_0", taken, "float32", (None, 6)),),
    (Endpoint("output_0", given, "float32", (None, 4)),),
)
frozen = Frozen(graph_def, (signature,))
batch = (-abs(np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)),)
class Given:
    signature = frozen.signatures[0]
    def freeze(self):
        return frozen
    def __call__(self, inputs):
        return adapter.predictor(frozen)(inputs)
program = adapter.trace(Given(), batch, low=Precision.BF16)
low = {o.id: Precision.BF16 if o.kernel(Precision.BF16) else Precision.FP32
       for o in program.graph.ops}
program.save(program.apply(low), Path(target))
"""


def test_our_own_loader_takes_positional_batches_in_a_fresh_process(
    traced: Any, all_low: Any, zoo: Any, tmp_path: Path
) -> None:
    program, case = traced("outputs"), zoo("outputs")
    model = program.apply(all_low(program))
    path = program.save(model, tmp_path / "m.bf16")
    batches = partial(list, [(case.batch, None)])
    found = in_fresh_process(predict_file, adapter.load_saved, path, batches)
    for value, expected in zip(
        found, adapter.predictor(model)(case.batch), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


def test_a_folder_is_replaced_as_a_whole(
    traced: Any, all_low: Any, tmp_path: Path
) -> None:
    program = traced("shared")
    old = tmp_path / "m.bf16"
    (old / "variables").mkdir(parents=True)
    (old / "variables/stale").write_text("x")
    path = program.save(program.apply(all_low(program)), old)
    assert path == old
    assert not (old / "variables").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["m.bf16"]


def test_fp32_placement_keeps_every_weight(traced: Any, tmp_path: Path) -> None:
    program = traced("residual")
    placement = dict.fromkeys(program.graph.by_id, Precision.FP32)
    path = program.save(program.apply(placement), tmp_path / "m")
    assert not any(node.op == "Cast" for node in nodes_of(path))
