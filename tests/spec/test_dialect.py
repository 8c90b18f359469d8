"""What a spec may say, and what it means."""

from typing import Any

import pytest

from narrowcast.spec import Spec, canonical, format_diagnostic, load, loads
from narrowcast.spec.sections.datasets.files import Csv, Npz
from narrowcast.spec.sections.metrics.classification import TopK
from narrowcast.spec.sections.metrics.regression import MSE
from narrowcast.spec.sections.transforms.elementwise import (
    Cast,
    Normalize,
    Rescale,
    Transpose,
)
from narrowcast.spec.spec import (
    Budget,
    Criterion,
    Evaluation,
    Input,
    Pin,
    PythonClass,
    PythonObject,
)

MODEL = """\
model:
  name: net
  framework: pytorch
  factory: pkg.net:make
  inputs: [{name: x, shape: [batch, 4]}]
"""
NPZ = "{npz: {path: a.npz, inputs: [x], label: y}}"


def evaluated(metric: str = "{topk: 1}", dataset: str = NPZ, more: str = "") -> str:
    """An evaluation section in one line; `more` goes into the dataloader."""
    loader = f"{{dataset: {dataset}{more}}}"
    return f"evaluation: {{accuracy: {{metric: {metric}, dataloader: {loader}}}}}\n"


def model(**keys: str) -> str:
    """A model section with these keys instead of the usual."""
    usual = {
        "name": "net",
        "framework": "pytorch",
        "factory": "pkg.net:make",
        "inputs": "[{name: x, shape: [batch, 4]}]",
    }
    lines = [f"  {key}: {value}\n" for key, value in (usual | keys).items()]
    return "model:\n" + "".join(lines)


def get(spec: Spec, path: str) -> Any:
    value: Any = spec
    for name in path.split("."):
        value = getattr(value, name)
    return value


DEFAULTS = [
    ("model.slug", "net"),
    ("model.framework", "pytorch"),
    ("model.factory", PythonObject("pkg.net", "make")),
    ("model.weights", None),
    ("model.inputs", (Input("x", ("batch", 4), None),)),
    ("model.outputs", ()),
    ("device", "cpu"),
    ("precisions", ("bf16",)),
    ("pins.types", ()),
    ("pins.names", ()),
    ("evaluation", Evaluation(None, (), None, Criterion(0.01, None, True), None, True)),
    ("objective", "low_compute"),
    ("budget", Budget(max_trials=20, timeout=None)),
    ("batch_size", 64),
    ("seed", 1978),
    ("costs", "measured"),
]


@pytest.mark.parametrize(("path", "value"), DEFAULTS)
def test_default(path: str, value: object) -> None:
    assert get(loads(MODEL), path) == value


FP32 = "{activation: {dtype: [fp32]}}"
ROOT = "evaluation.accuracy.dataloader.dataset"
WRITTEN = [
    # model
    (model(name="Modèle v1.5 (net)"), "model.slug", "Modele_v1.5_net"),
    (model(name='"it\'s"'), "model.slug", "it_s"),
    (model(framework="pytorch_fx"), "model.framework", "pytorch"),
    (model(framework="pytorch_ipex"), "model.framework", "pytorch"),
    (model(weights="w/net.PTH"), "model.weights", "w/net.PTH"),
    (
        model(factory="pkg.net:Net.small"),
        "model.factory",
        PythonObject("pkg.net", "Net.small"),
    ),
    (model(outputs="a, b"), "model.outputs", ("a", "b")),
    (model(outputs="a b"), "model.outputs", ("a", "b")),
    (model(outputs="[a, b]"), "model.outputs", ("a", "b")),
    (model(outputs="~"), "model.outputs", ()),
    (
        model(inputs="[{name: i, shape: [n, 3, w], dtype: int64}]"),
        "model.inputs",
        (Input("i", ("n", 3, "w"), "int64"),),
    ),
    (
        model(inputs="[{name: i, shape: []}]"),
        "model.inputs",
        (Input("i", (), None),),
    ),
    (model(inputs="[{name: i, shape: [8, 3]}]"), "batch_size", 8),
    # of a random batch, where the spec says it
    (model(inputs="[{name: i, shape: [8, 3]}]"), "stated_size", 8),
    (model(inputs="[{name: i, shape: [n, 3]}]"), "stated_size", None),
    (
        MODEL
        + "evaluation: {accuracy: {metric: {topk: 1}, dataloader: {batch_size: 32}}}",
        "stated_size",
        32,
    ),
    (MODEL + "evaluation: {accuracy: {metric: {topk: 1}}}", "stated_size", None),
    # device, version, costs
    (MODEL + "device: gpu", "device", "cuda"),
    (MODEL + "device: cuda", "device", "cuda"),
    (MODEL + "version: 1", "device", "cpu"),
    (MODEL + "version: '1.0'", "device", "cpu"),
    (MODEL + "costs: static", "costs", "static"),
    # precisions
    (MODEL + "mixed_precision: {precisions: bf16}", "notices", ()),
    (MODEL + "mixed_precision: {precisions: 'fp32, bf16'}", "precisions", ("bf16",)),
    (MODEL + "mixed_precision: {precisions: [fp16, fp32]}", "precisions", ("fp16",)),
    (
        MODEL + evaluated() + "mixed_precision: {precisions: [fp16, bf16]}",
        "precisions",
        ("bf16", "fp16"),
    ),
    (MODEL + "mixed_precision: ~", "precisions", ("bf16",)),
    # pins
    (
        MODEL + "mixed_precision: {op_wise: {'f\\..*': " + FP32 + "}}",
        "pins.names",
        (Pin("f\\..*", "mixed_precision.op_wise['f\\\\..*']"),),
    ),
    (
        MODEL + "quantization: {optype_wise: {b: " + FP32 + ", a: " + FP32 + "}}",
        "pins.types",
        (
            Pin("a", "quantization.optype_wise.a"),
            Pin("b", "quantization.optype_wise.b"),
        ),
    ),
    (
        MODEL + "quantization: {op_wise: {a: {weight: {dtype: fp32}}}}",
        "pins.names",
        (Pin("a", "quantization.op_wise.a"),),
    ),
    (
        MODEL
        + "quantization: {op_wise: {a: {activation: {dtype: 'bf16, fp32'}, "
        + "weight: {dtype: [fp32]}}}}",
        "pins.names",
        (),
    ),
    (
        f"{MODEL}quantization: {{op_wise: {{a: {FP32}}}}}\n"
        f"mixed_precision: {{op_wise: {{a: {FP32}}}}}",
        "pins.names",
        (Pin("a", "mixed_precision.op_wise.a"),),
    ),
    (MODEL + "quantization: {op_wise: ~, optype_wise: {}}", "pins.names", ()),
    # evaluation
    (MODEL + "evaluation: ~", "evaluation.dataset", None),
    (MODEL + "evaluation: ~", "evaluation.metric", None),
    (MODEL + "evaluation: {accuracy: ~}", "evaluation.dataset", None),
    (MODEL + evaluated("null"), "evaluation.metric", None),
    (
        MODEL + "evaluation: {accuracy: {python: 'm.n:score'}}",
        "evaluation.eval_func",
        PythonObject("m.n", "score"),
    ),
    (
        MODEL + "tuning: {accuracy_criterion: {absolute: 2, higher_is_better: no}}",
        "evaluation.criterion",
        Criterion(None, 2.0, False),
    ),
    (
        MODEL
        + "mixed_precision: {precisions: [bf16, fp16]}\nevaluation: {accuracy: {}}",
        "precisions",
        ("bf16", "fp16"),
    ),
    (MODEL + evaluated(), "evaluation.metric", TopK(k=1)),
    (MODEL + evaluated(), "evaluation.batches", None),
    (MODEL + evaluated(), "evaluation.keep_last", True),
    (MODEL + evaluated(), "evaluation.criterion", Criterion(0.01, None, True)),
    (
        MODEL + evaluated("{MSE: ~}"),
        "evaluation.criterion",
        Criterion(0.01, None, False),
    ),
    (MODEL + evaluated("{MSE: {compare_label: yes}}"), "evaluation.metric", MSE()),
    (
        MODEL + evaluated("{python: 'm.n:C', args: {z: 1e-3, a: [1, {k: ~}]}}"),
        "evaluation.metric",
        PythonClass(PythonObject("m.n", "C"), {"a": (1, {"k": None}), "z": 0.001}),
    ),
    (MODEL + evaluated("{python: m:C}"), "evaluation.criterion.higher_is_better", True),
    (
        MODEL + evaluated(dataset="{python: m:D, args: {root: ./x}}"),
        "evaluation.dataset",
        PythonClass(PythonObject("m", "D"), {"root": "./x"}),
    ),
    (
        MODEL + evaluated(dataset="{npz: {path: a.npz, inputs: x, label: y}}"),
        "evaluation.dataset",
        Npz(path="a.npz", inputs=("x",), label="y"),
    ),
    (
        MODEL + evaluated(dataset="{csv: {path: a.csv, label: -1, shape: [2, 2]}}"),
        "evaluation.dataset",
        Csv(path="a.csv", label=-1, shape=(2, 2), header=False, delimiter=","),
    ),
    (
        MODEL
        + evaluated(dataset=r'{csv: {path: a, label: 0, header: on, delimiter: "\t"}}'),
        "evaluation.dataset",
        Csv(path="a", label=0, shape=None, header=True, delimiter="\t"),
    ),
    (MODEL + evaluated(more=", batch_size: 8"), "batch_size", 8),
    (MODEL + evaluated(more=", last_batch: discard"), "evaluation.keep_last", False),
    (
        MODEL
        + evaluated(
            more=", transform: {Transpose: {perm: [1, 0]}, Rescale: ~, "
            "Normalize: {mean: [0], std: [1e-1]}, Cast: {dtype: float32}}"
        ),
        "evaluation.transforms",
        (
            Transpose(perm=(1, 0)),
            Rescale(),
            Normalize(mean=(0.0,), std=(0.1,)),
            Cast(dtype="float32"),
        ),
    ),
    # tuning
    (MODEL + "tuning: {objective: performance}", "objective", "latency"),
    (MODEL + "tuning: {objective: latency}", "objective", "latency"),
    (MODEL + "tuning: {objective: accuracy}", "objective", "low_compute"),
    *(
        (MODEL + f"tuning: {{objective: {name}}}", "objective", "memory")
        for name in ("memory", "modelsize", "footprint")
    ),
    (MODEL + "tuning: {exit_policy: {timeout: 0}}", "budget", Budget(20, None)),
    (
        MODEL + "tuning: {exit_policy: {timeout: 60, max_trials: 3}}",
        "budget",
        Budget(3, 60),
    ),
    (MODEL + "tuning: {error_rate: 1%}", "budget", Budget(20, None, 0.01)),
    (MODEL + "tuning: {error_rate: 0}", "budget", Budget(20, None, 0.0)),
    (MODEL + "tuning: {random_seed: 7}", "seed", 7),
    (
        MODEL + evaluated() + "tuning: {accuracy_criterion: {relative: 0.7%}}",
        "evaluation.criterion",
        Criterion(0.007, None, True),
    ),
    (
        MODEL + evaluated() + "tuning: {accuracy_criterion: {relative: 1e-2}}",
        "evaluation.criterion",
        Criterion(0.01, None, True),
    ),
    (
        MODEL + evaluated() + "tuning: {accuracy_criterion: {absolute: 2}}",
        "evaluation.criterion",
        Criterion(None, 2.0, True),
    ),
    (
        MODEL
        + evaluated("{python: m:C}")
        + "tuning: {accuracy_criterion: {higher_is_better: no}}",
        "evaluation.criterion",
        Criterion(0.01, None, False),
    ),
]


@pytest.mark.parametrize(("text", "path", "value"), WRITTEN)
def test_meaning(text: str, path: str, value: object) -> None:
    assert get(loads(text), path) == value


NOTICES = [
    (MODEL, "1:1: note[NC351]: mixed_precision.precisions is not written: bf16"),
    (
        MODEL + "mixed_precision:\n  op_wise: {}\n",
        "6:1: note[NC351]: mixed_precision.precisions is not written: bf16",
    ),
    (
        model(weights="/w/net.pt"),
        "6:3: note[NC353]: model.weights is absolute: "
        "the script will only run on machines with this path",
    ),
    (
        MODEL + evaluated(dataset="{npz: {path: 'C:/a.npz', inputs: x, label: y}}"),
        f"6:73: note[NC353]: {ROOT}.npz.path is absolute: "
        "the script will only run on machines with this path",
    ),
    (
        MODEL + "quantization: {op_wise: {a: {activation: {dtype: [bf16]}}}}",
        "6:26: note[NC352]: quantization.op_wise.a allows bf16: it pins nothing",
    ),
    (
        "model: {name: a, framework: onnx, path: a.onnx, runtime: any}\n"
        "tuning: {accuracy_criterion: {absolute: 1}}",
        "2:10: note[NC352]: tuning.accuracy_criterion is not checked: nothing is executed here",
    ),
    (
        MODEL + "tuning: {objective: accuracy}",
        "6:10: note[NC354]: tuning.objective is accuracy, which is the criterion: what is "
        "sought is low_compute",
    ),
    (
        "model: {name: a, framework: tensorflow}\ndevice: gpu",
        "2:1: note[NC352]: device is gpu: tensorflow models are converted on the CPU",
    ),
]


@pytest.mark.parametrize(("text", "notice"), NOTICES)
def test_notice(text: str, notice: str) -> None:
    found = [format_diagnostic(each) for each in loads(text, "s").notices]
    assert f"s:{notice}" in found


SAME = [
    (model(framework="pytorch_fx"), MODEL),
    (MODEL + "device: gpu", MODEL + "device: cuda"),
    (MODEL + "version: 1.0\nquantization: ~\ntuning:\n", MODEL),
    (MODEL + "mixed_precision: {precisions: bf16 fp32}", MODEL),
    (
        MODEL + evaluated() + "tuning: {accuracy_criterion: {relative: 1%}}",
        MODEL + evaluated(),
    ),
    (
        MODEL + "tuning: {random_seed: 1, objective: latency}",
        "tuning: {objective: performance, random_seed: 1}\n" + MODEL,
    ),
    (
        f"{MODEL}quantization: {{op_wise: {{a: &p {FP32}, b: *p, c: {{<<: *p}}}}}}",
        f"{MODEL}quantization: {{op_wise: {{c: {FP32}, b: {FP32}, a: {FP32}}}}}",
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning(one: str, other: str) -> None:
    assert canonical(loads(one)) == canonical(loads(other))


def test_transforms_keep_their_order() -> None:
    one = evaluated(more=", transform: {Rescale: ~, Cast: {dtype: float32}}")
    other = evaluated(more=", transform: {Cast: {dtype: float32}, Rescale: ~}")
    assert canonical(loads(MODEL + one)) != canonical(loads(MODEL + other))


def test_file_is_read_and_left_alone(tmp_path: Any) -> None:
    path = tmp_path / "net.yaml"
    content = b"\xef\xbb\xbf" + MODEL.replace("\n", "\r\n").encode()
    path.write_bytes(content)
    assert load(path) == loads(MODEL)
    assert path.read_bytes() == content
