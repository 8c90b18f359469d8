"""The Python API on TensorFlow models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pages import run_page
from project import Project
from snippets import SNIPPETS, lacking, run_snippet, write_conf, write_data
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from narrowcast import MixedPrecision, common
from narrowcast.runtime.common.errors import NarrowcastError, RequirementError
from narrowcast.runtime.hardware import requirements

SHAPE = (8, 8, 3)


def weight(name: str, *shape: int) -> tf.Variable:
    values = np.random.default_rng(len(name)).standard_normal(shape) / 4
    return tf.Variable(values.astype(np.float32), name=name)


def network() -> Callable[[Any], Any]:
    """A chain of convolution, bias and ReLU, twice, and a layer."""
    first, second = weight("first", 3, 3, 3, 8), weight("second", 3, 3, 8, 8)
    bias, last = weight("bias", 8), weight("last", 8, 4)

    def predict(x: Any) -> Any:
        for number, kernel in enumerate((first, second), 1):
            x = tf.nn.conv2d(x, kernel, 1, "SAME", name=f"conv{number}")
            x = tf.nn.relu(tf.nn.bias_add(x, bias), name=f"relu{number}")
        return tf.identity(tf.reduce_mean(x, (1, 2)) @ last, name="final")

    return predict


def frozen(predict: Callable[[Any], Any]) -> Any:
    """A GraphDef as users have it, its input called `x`."""
    signature = tf.TensorSpec((None, *SHAPE), tf.float32, name="x")
    function = tf.function(predict).get_concrete_function(signature)
    return convert_variables_to_constants_v2(function).graph.as_graph_def()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    predict = network()
    graph_def = frozen(predict)
    (tmp_path / "model.pb").write_bytes(graph_def.SerializeToString())
    write_data(tmp_path, lambda images: predict(images).numpy(), SHAPE)
    write_conf(tmp_path, "tensorflow")
    return Project(tmp_path)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    saved = run_snippet(project, name, "'./model.pb'", f"out/{name}")
    assert tf.saved_model.contains_saved_model(str(saved))


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, on a machine that lacks bf16: nothing is timed there."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(requirements, "read_cpu", lacking)
    monkeypatch.setenv("FORCE_BF16", "1")
    return project.folder


def converter(model: Any = "model.pb", conf: Any = None, **given: Any) -> Any:
    made = MixedPrecision({"model": {"name": "net"}, **(conf or {})})
    made.model = model
    for name, value in given.items():
        setattr(made, name, value)
    return made


def precision(graph_def: Any, name: str) -> str:
    """What a node computes in."""
    (node,) = (each for each in graph_def.node if each.name == name)
    return str(tf.dtypes.as_dtype(node.attr["T"].type).name)


def count(graph_def: Any, op: str) -> int:
    return sum(node.op == op for node in graph_def.node)


def low(graph: Any, op: str) -> int:
    """Nodes of an operator that compute in bf16."""
    return sum(
        node.op == op and precision(graph.as_graph_def(), node.name) == "bfloat16"
        for node in graph.as_graph_def().node
    )


def pinned(**types: str) -> dict[str, Any]:
    """A configuration that keeps ops in fp32."""
    demand = {"activation": {"dtype": ["fp32"]}, "weight": {"dtype": ["fp32"]}}
    return {"quantization": {kind: {name: demand} for kind, name in types.items()}}


def limits(max_trials: int) -> dict[str, Any]:
    policy = {"max_trials": max_trials, "timeout": 500}
    return {"tuning": {"exit_policy": policy}}


@pytest.mark.usefixtures("here")
def test_a_function_scores_the_frameworks_model() -> None:
    """9. A graph of convolutions, and a function that always says 0.5."""
    result = converter(eval_func=lambda model: 0.5)()
    assert result
    assert count(result.graph_def, "Cast") > 0
    assert isinstance(result.graph, tf.Graph)
    assert result.report.judgement is not None
    assert result.report.judgement.baseline.value == 0.5
    assert result.save("new/out.pb") == Path("new/out.pb")
    saved = tf.compat.v1.GraphDef.FromString(Path("new/out.pb").read_bytes())
    assert {node.name for node in saved.node} >= {"x", "conv1", "relu1", "Identity"}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("step", [-0.1, 0.1])
def test_scores_that_fall_or_rise(step: float) -> None:
    """10. Theirs returned a model of either; a falling one misses the criterion."""
    scores: Iterator[float] = (0.5 + step * k for k in range(1000))
    result = converter(conf=limits(4), eval_func=lambda model: next(scores))()
    assert bool(result) == (step > 0)
    assert result.report.trials <= 4
    assert count(result.graph_def, "Cast") > 0


@pytest.mark.usefixtures("here")
def test_an_output_that_is_not_there_is_left_out() -> None:
    """11. One trial, and the outputs `final, test`."""
    made = converter(conf=limits(1), eval_func=lambda model: 0.5)
    made.input, made.output = "x", "final, test"
    result = made()
    assert made.output == "final, test"
    assert count(result.graph_def, "Cast") > 0


@pytest.mark.usefixtures("here")
def test_the_only_casts_of_a_graph_in_bf16_are_at_its_ends() -> None:
    """16. No cast inside; inputs and outputs stay fp32."""
    result = converter()()
    assert low(result.graph, "Conv2D") == 2
    assert count(result.graph_def, "Cast") == 2


@pytest.mark.usefixtures("here")
def test_one_convolution_stays_fp32() -> None:
    """13. All convolutions but one; 21. a pin by name."""
    result = converter(conf=pinned(op_wise="conv2"))()
    assert precision(result.graph_def, "conv1") == "bfloat16"
    assert precision(result.graph_def, "conv2") == "float32"


@pytest.mark.usefixtures("here")
def test_a_graph_that_has_casts_already() -> None:
    """14. What is bf16 stays so, the next convolution follows, the last is pinned."""
    kernels = [weight(name, 3, 3, 3, 3) for name in ("one", "two", "three")]

    def predict(x: Any) -> Any:
        narrow = tf.cast(kernels[0], tf.bfloat16)
        y = tf.nn.conv2d(tf.cast(x, tf.bfloat16), narrow, 1, "SAME", name="conv1")
        y = tf.nn.conv2d(tf.cast(y, tf.float32), kernels[1], 1, "SAME", name="conv2")
        y = tf.nn.relu(y, name="relu2")
        return tf.nn.conv2d(y, kernels[2], 1, "SAME", name="conv3")

    result = converter(frozen(predict), pinned(op_wise="conv3"))()
    found = {
        name: precision(result.graph_def, name)
        for name in ("conv1", "conv2", "relu2", "conv3")
    }
    bf16 = "bfloat16"
    assert found == {"conv1": bf16, "conv2": bf16, "relu2": bf16, "conv3": "float32"}


@pytest.mark.usefixtures("here")
def test_a_product_with_a_transposed_matrix() -> None:
    """15. MatMul with transpose_b in bf16."""
    matrix = weight("matrix", 5, 3)

    def predict(x: Any) -> Any:
        return tf.matmul(tf.reduce_mean(x, (1, 2)), matrix, transpose_b=True)

    assert low(converter(frozen(predict))().graph, "MatMul") == 1


@pytest.mark.usefixtures("here")
def test_a_loop_converts() -> None:
    """17. A recurrent model with a while loop, in a graph of TensorFlow 1."""
    graph = tf.Graph()
    kernel = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32) / 3
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (None, 6), name="x")
        matrix = tf.constant(kernel)
        _step, y = tf.compat.v1.while_loop(
            lambda k, _state: k < 4,
            lambda k, state: (k + 1, tf.tanh(tf.matmul(state, matrix))),
            [tf.constant(0), x],
        )
        tf.identity(tf.matmul(y, matrix), name="y")
    result = converter(graph.as_graph_def())()
    assert result
    assert result.report.ops_low > 0


@pytest.mark.usefixtures("here")
def test_a_type_of_op_that_harms_goes_back_to_fp32() -> None:
    """18. All convolutions fp32: by type first; theirs tried a list of accuracies."""
    result = converter(
        conf=limits(20), eval_func=lambda model: 0.9 if low(model, "Conv2D") else 1.0
    )()
    assert result
    assert low(result.graph, "Conv2D") == 0
    assert count(result.graph_def, "Cast") == 0  # the rest is not worth a cast


@pytest.mark.usefixtures("here")
def test_one_op_that_harms_goes_back_to_fp32() -> None:
    """19. Some ops in bf16 and some not, with casts between them."""

    def evaluate(model: Any) -> float:
        return 0.9 if precision(model.as_graph_def(), "conv1") == "bfloat16" else 1.0

    result = converter(conf=limits(20), eval_func=evaluate)()
    assert result
    assert precision(result.graph_def, "conv1") == "float32"
    assert precision(result.graph_def, "conv2") == "bfloat16"


@pytest.mark.usefixtures("here")
def test_a_goal_that_is_never_met() -> None:
    """20. Theirs gave None."""
    scores = chain([1.0], repeat(0.5))
    result = converter(conf=limits(2), eval_func=lambda model: next(scores))()
    assert not result
    with pytest.raises(NarrowcastError, match="misses the criterion"):
        result.save("out")


@pytest.mark.usefixtures("here")
def test_a_keras_model_and_its_data() -> None:
    """22. Keras; a tf.data.Dataset is read again for each pass."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((6,)), *layers])
    rows = np.random.default_rng(0).standard_normal((32, 6)).astype(np.float32)
    labels = np.asarray(model(rows)).argmax(-1)
    pairs = tf.data.Dataset.from_tensor_slices((rows, labels)).batch(8)

    class Right:
        def __init__(self) -> None:
            self.reset()

        def update(self, sample: Any) -> None:
            predictions, found = sample
            self.hits.extend(predictions.argmax(-1) == found)

        def reset(self) -> None:
            self.hits: list[bool] = []

        def result(self) -> float:
            return float(np.mean(self.hits))

    result = converter(model, metric=common.Metric(Right), eval_dataloader=pairs)()
    assert result.report.judgement is not None
    assert result.report.judgement.baseline.value == 1.0
    assert count(result.graph_def, "Cast") > 0


def test_what_the_machine_lacks_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2. bf16 on a CPU without it; 3. fp16: theirs exited with 0."""
    monkeypatch.delenv("FORCE_BF16")
    for low in ("bf16", "fp16"):
        with pytest.raises(RequirementError, match=low) as refused:
            converter(precisions=low)()
        assert isinstance(refused.value, SystemExit)
        assert refused.value.code == 3


def test_data_of_a_shape_alone(here: Path) -> None:
    """7. `dummy` and 6. `compare_label: false`: random samples are held against fp32's
    own outputs; their label, which is 0, is none of the outputs'."""
    random = np.random.default_rng(0)
    samples = [
        (random.standard_normal(SHAPE), random.standard_normal(4)) for _k in range(5)
    ]
    data = common.DataLoader(samples, batch_size=2)

    def conf(metric: dict[str, Any]) -> dict[str, Any]:
        dataset = {"dummy": {"shape": [5, *SHAPE], "label": True}}
        loader = {"batch_size": 2, "dataset": dataset}
        accuracy = {"metric": {"MSE": metric}, "dataloader": loader}
        return {"evaluation": {"accuracy": accuracy}, **limits(3)}

    with pytest.raises(
        NarrowcastError, match="labels of the outputs' shape"
    ) as refused:
        converter(conf=conf({}))()
    assert isinstance(refused.value, SystemExit)
    assert refused.value.code == 2
    result = converter(conf=conf({"compare_label": False}))()
    assert result.report.judgement.baseline.value == 0
    assert 0 < result.report.judgement.result.value < 1
    result = converter(conf=conf({}), eval_dataloader=data)()
    assert result.report.judgement is not None
    assert result.report.judgement.result.metric == "MSE"


@pytest.mark.nightly
def test_the_page_runs(project: Project) -> None:
    run_page(project, "tensorflow", "MODEL = './model.pb'")
    assert (project.folder / "output" / "saved_model.pb").exists()
