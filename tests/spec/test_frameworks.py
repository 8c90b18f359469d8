"""What a model may be in each framework, and what is said of the rest."""

from __future__ import annotations

import pytest

from narrowcast.spec import Spec, SpecError, loads

EVALUATION = """
evaluation:
  accuracy:
    metric: {topk: 1}
    dataloader: {dataset: {npz: {path: a.npz, inputs: x, label: y}}}
"""


def spec(model: str, rest: str = "") -> Spec:
    return loads(f"model: {{name: net, {model}}}\n{rest}", "s.yaml")


def said(model: str, rest: str = "") -> str:
    with pytest.raises(SpecError) as caught:
        spec(model, rest)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("framework: tensorflow, path: ./model.pb", "./model.pb"),
        ("framework: tensorflow, path: export/v1.2", "export/v1.2"),
        ("framework: tensorflow_itex, path: net.keras", "net.keras"),
        ("framework: tensorflow, path: net.H5", "net.H5"),
        ("framework: onnx, path: net.onnx", "net.onnx"),
        ("framework: onnxrt_qlinearops, path: net.onnx", "net.onnx"),
    ],
)
def test_a_file_alone_is_a_model(model: str, path: str) -> None:
    found = spec(model).model
    assert (found.path, found.inputs, found.factory) == (path, (), None)


def test_a_symbol_goes_with_its_parameters() -> None:
    model = "framework: mxnet, path: net-symbol.json, weights: net-0000.params"
    found = spec(f"{model}, inputs: [{{name: data, shape: [8, 3]}}]").model
    assert (found.path, found.weights) == ("net-symbol.json", "net-0000.params")


@pytest.mark.parametrize(
    ("framework", "runtime", "found"),
    [
        ("onnx", "", "openvino"),
        ("onnxrt_qdq", "", "openvino"),
        ("onnxrt_qdq", ", runtime: any", "any"),
        ("onnx", ", runtime: tensorrt", "tensorrt"),
    ],
)
def test_the_runtime_is_decided(framework: str, runtime: str, found: str) -> None:
    made = spec(f"framework: {framework}, path: a.onnx{runtime}")
    assert made.model.runtime == found
    said = [n.message for n in made.notices if n.path == "model.runtime"]
    assert bool(said) == (not runtime)
    assert all(text.startswith("is not written: openvino") for text in said)


def test_neural_compressors_names_mean_onnx_runtime_where_it_has_the_precision() -> (
    None
):
    named = "framework: onnxrt_qlinearops, path: a.onnx"
    made = spec(named, "mixed_precision: {precisions: fp16}")
    assert made.model.runtime == "onnxruntime"
    assert "model.runtime" not in [n.path for n in made.notices]


def test_a_gpu_is_noted_where_a_framework_converts_on_the_cpu() -> None:
    made = spec("framework: tensorflow, path: a", "device: gpu")
    assert made.device == "cpu"
    assert [n.severity for n in made.notices if n.path == "device"] == ["note"]


SUPPLIED = ["pytorch", "tensorflow", "mxnet", "onnx"]


@pytest.mark.parametrize("framework", SUPPLIED)
def test_a_spec_may_leave_model_data_and_metric_to_the_script(framework: str) -> None:
    made = spec(f"framework: {framework}")
    assert made.model.supplied
    assert (made.evaluation.dataset, made.evaluation.metric) == (None, None)
    assert made.evaluation.criterion is not None


def test_nothing_is_judged_where_nothing_is_executed() -> None:
    made = spec("framework: onnx, runtime: tensorrt")
    assert made.evaluation.criterion is None


def test_only_a_saved_model_has_a_signature() -> None:
    folder = spec("framework: tensorflow, path: folder").model
    assert folder.signature == "serving_default"
    assert spec("framework: tensorflow, path: a.pb").model.signature is None
    named = spec("framework: tensorflow, path: folder, signature: predict").model
    assert named.signature == "predict"
    assert "`signature` is for SavedModels" in said(
        "framework: tensorflow, path: a.pb, signature: predict"
    )


@pytest.mark.parametrize("framework", ["tensorflow", "mxnet", "onnx"])
def test_inputs_keep_the_models_names_and_may_leave_shapes_open(
    framework: str,
) -> None:
    path = {
        "tensorflow": "path: folder",
        "mxnet": "path: a-symbol.json, weights: a.params",
        "onnx": "path: a.onnx",
    }[framework]
    found = spec(f"framework: {framework}, {path}, inputs: 'x:0'", EVALUATION).model
    (one,) = found.inputs
    assert (one.name, one.shape, one.dtype) == ("x:0", None, None)


def test_a_dtype_that_is_not_written_is_the_models_own() -> None:
    model = "framework: pytorch, factory: a:b, inputs: [{name: x, shape: [2]}]"
    assert spec(model).model.inputs[0].dtype is None


@pytest.mark.parametrize(
    ("model", "rest", "words"),
    [
        ("framework: tensorflow, path: a.onnx", "", ("`a.onnx` is not a kind",)),
        ("framework: tensorflow, path: m/saved_model.pb", "", ("path: m",)),
        ("framework: tensorflow, path: a.ckpt", "", ("tf.saved_model.save",)),
        ("framework: tensorflow, path: a, factory: b:c", "", ("write one",)),
        ("framework: tensorflow, path: a, weights: b.h5", "", ("`weights` goes",)),
        ("framework: tensorflow, factory: a:b, weights: c.pt", "", (".h5",)),
        ("framework: tensorflow, factory: a:b, trust: true", "", ("`trust` is",)),
        ("framework: mxnet, weights: a.params", "", ("whose they are",)),
        ("framework: keras", "", ("write framework: tensorflow",)),
        ("framework: inteltensorflow", "", ("write framework: tensorflow",)),
        ("framework: engine", "", ("write framework: onnx",)),
        (
            "framework: onnxrt_qdq",
            "mixed_precision: {precisions: 'bf16, fp32'}",
            ("s.yaml:2:31: ", "no bf16 arithmetic", "model.runtime: openvino"),
        ),
        (
            "framework: onnx, runtime: onnxruntime",
            "",
            ("s.yaml:1:46: error[NC305]: model.runtime", "no bf16 arithmetic"),
        ),
        (
            "framework: mxnet",
            "mixed_precision: {precisions: fp16}",
            ("s.yaml:2:31: ", "precisions: bf16"),
        ),
        (
            "framework: mxnet",
            "evaluation: {accuracy: {python: 'a:b', metric: {topk: 1}}}",
            ("`metric` and `python` each say",),
        ),
        ("framework: mxnet, path: a.json", "", ("-symbol.json",)),
        (
            "framework: mxnet, path: a-symbol.json",
            "",
            ("holds no weights", "weights: a-0000.params"),
        ),
        ("framework: onnx, path: a.pb", "", ("ends in .onnx",)),
        ("framework: onnx, path: a.onnx, factory: a:b", "", ("`factory` is not",)),
        ("framework: onnx, path: a.onnx, runtime: ort", "", ("onnxruntime",)),
        (
            "framework: onnx, path: a.onnx, runtime: any",
            EVALUATION,
            ("is not executed here", "leave evaluation out"),
        ),
        (
            "framework: onnx, path: a.onnx",
            "tuning: {execution: compile}",
            ("only pytorch models are compiled",),
        ),
        (
            "framework: onnx, path: a.onnx, inputs: [a, a]",
            "",
            ("`a` is named twice",),
        ),
    ],
)
def test_what_does_not_fit_names_the_place_and_the_remedy(
    model: str, rest: str, words: tuple[str, ...]
) -> None:
    text = said(model, rest)
    assert all(word in text for word in words), text
    assert text.startswith("s.yaml:")


def test_a_file_for_tensorrt_may_be_for_a_gpu() -> None:
    made = spec("framework: onnx, path: a.onnx, runtime: tensorrt", "device: gpu")
    assert (made.device, made.model.runtime) == ("cuda", "tensorrt")


def test_several_arrays_need_the_names_of_the_inputs_that_they_feed() -> None:
    several = EVALUATION.replace("inputs: x", "inputs: [a, b]")
    text = said("framework: onnx, path: a.onnx", several)
    assert "2 arrays: say which inputs of the model they are" in text
    assert "write model.inputs" in text
    # Those of PyTorch's forward() have an order.
    made = spec("framework: pytorch, factory: net:make", several)
    assert made.model.inputs == ()


@pytest.mark.parametrize(
    ("precisions", "found"),
    [
        ("bf16", "openvino"),
        ("fp16", "onnxruntime"),
        ("[fp16, fp32]", "onnxruntime"),
        ("[bf16, fp16]", "openvino"),
    ],
)
def test_the_runtime_has_the_precision(precisions: str, found: str) -> None:
    rest = f"mixed_precision: {{precisions: {precisions}}}"
    made = spec("framework: onnx, path: a.onnx", rest)
    assert made.model.runtime == found
    (said,) = (n.message for n in made.notices if n.path == "model.runtime")
    assert found in said


def test_names_alone_are_inputs_of_pytorch() -> None:
    made = spec("framework: pytorch, factory: 'pkg:f', inputs: 'ids, mask'").model
    assert [(each.name, each.shape, each.dtype) for each in made.inputs] == [
        ("ids", None, None),
        ("mask", None, None),
    ]


STATED = [
    ("range: [0, 5], dtype: int8", (0, 5), None, ()),
    ("range: [-0.5, 1e9]", (-0.5, 1e9), None, ()),
    ("values: a/b.npy", (), "a/b.npy", ()),
    ("value: 0.5", (), None, (0.5,)),
    ("value: [[1], [2]]", (), None, (((1,), (2,)),)),
    ("value: ~", (), None, (None,)),
    ("dtype: float16", (), None, ()),
]


@pytest.mark.parametrize(("keys", "within", "values", "value"), STATED)
def test_inputs_say_which_values_they_take(
    keys: str, within: object, values: object, value: object
) -> None:
    (one,) = spec(
        f"framework: pytorch, factory: a:b, inputs: [{{name: x, {keys}}}]"
    ).model.inputs
    assert (one.range, one.values, one.value) == (within, values, value)


TENSORFLOW = "framework: tensorflow, path: a"
MISSTATED = [
    (TENSORFLOW, "range: [1, 0]", "range", "the least value is above the largest"),
    (TENSORFLOW, "range: [0, 1], value: 1", "value", "each say the values"),
    (TENSORFLOW, "range: [0, 1], values: a.npy", "values", "each say the values"),
    (TENSORFLOW, "range: [0, 256], dtype: uint8", "range", "does not reach so far"),
    (TENSORFLOW, "range: [0, 0.5], dtype: int8", "range", "whole numbers alone"),
    (TENSORFLOW, "range: [0, 1], dtype: string", "range", "string has no range"),
    (TENSORFLOW, "value: text", "value", "a number, or a list of numbers"),
    (TENSORFLOW, "value: [[1, 2], [3]]", "value", "not equally long"),
    (TENSORFLOW, "value: [[1, 2], 3]", "value", "not equally long"),
    (TENSORFLOW, "value: ~", "value", "null is no tensor"),
    (TENSORFLOW, "dtype: complex64", "dtype", "can't be used here"),
    (TENSORFLOW, "dtype: datetime64", "dtype", "can't be used here"),
    (TENSORFLOW, "dtype: str", "dtype", "can't be used here"),
    (
        "framework: pytorch, factory: a:b",
        "dtype: string",
        "dtype",
        "no tensors of text",
    ),
]


@pytest.mark.parametrize(("model", "keys", "at", "words"), MISSTATED)
def test_what_an_input_can_not_be_is_named(
    model: str, keys: str, at: str, words: str
) -> None:
    text = said(model + f", inputs: [{{name: x, {keys}}}]")
    assert f"model.inputs[0].{at}" in text and words in text


def test_a_constant_is_none_of_the_datasets_arrays() -> None:
    inputs = "inputs: [{name: a}, {name: k, value: 2}]"
    loader = "dataloader: {dataset: {npz: {path: a.npz, inputs: a, label: y}}}"
    evaluation = f"evaluation: {{accuracy: {{metric: {{topk: 1}}, {loader}}}}}"
    assert len(spec(f"{TENSORFLOW}, {inputs}", evaluation).model.inputs) == 2
