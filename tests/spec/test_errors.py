"""Every mistake in a spec is named at its place, with what to write instead."""

import pytest

from narrowcast.spec import SpecError, loads

MODEL = """\
model:
  name: net
  framework: pytorch
  factory: pkg.net:make
  inputs: [{name: x, shape: [batch, 4]}]
"""
NPZ = "{npz: {path: a.npz, inputs: x, label: y}}"


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


def ev(metric: str = "{topk: 1}", dataset: str = NPZ, more: str = "") -> str:
    """The model and an evaluation; `more` follows the dataset."""
    return (
        f"{MODEL}evaluation:\n  accuracy:\n    metric: {metric}\n"
        f"    dataloader:\n      dataset: {dataset}\n{more}"
    )


CASES = [
    pytest.param(
        MODEL + "tunning: {}\n",
        """\
s.yaml:6:1: error[NC201]: tunning: unknown key
    tunning: {}
    ^
    hint: did you mean `tuning`?
""",
        id="typo",
    ),
    pytest.param(
        MODEL + "zzz: 1\n",
        """\
s.yaml:6:1: error[NC201]: zzz: unknown key
    zzz: 1
    ^
    hint: known here: version, model, device, mixed_precision, quantization, evaluation, tuning, costs
""",
        id="unknown",
    ),
    pytest.param(
        ev(metric="{TOPK: 1}"),
        """\
s.yaml:8:14: error[NC201]: evaluation.accuracy.metric.TOPK: unknown key
    metric: {TOPK: 1}
             ^
    hint: did you mean `topk`?
""",
        id="case",
    ),
    pytest.param(
        "device: cpu\n",
        """\
s.yaml:1:1: error[NC202]: model: is required
    device: cpu
    ^
    hint: What is converted.
""",
        id="no model",
    ),
    pytest.param(
        "model:\n",
        """\
s.yaml:1:1: error[NC202]: model.framework: is required
    model:
    ^
    hint: The framework of the model: pytorch, tensorflow, mxnet or onnx; left out, --framework tells it, or the ending of path or --model.
s.yaml:1:1: error[NC202]: model.name: is required
    model:
    ^
    hint: The model's name; files that are written are called after it.
""",
        id="model without value",
    ),
    pytest.param(
        "model: [a]\n",
        """\
s.yaml:1:1: error[NC203]: model: expected a mapping, found a list
    model: [a]
    ^
""",
        id="model is a list",
    ),
    pytest.param(
        "version: 2.0\n" + MODEL,
        """\
s.yaml:1:10: error[NC206]: version: version 2 is not known
    version: 2.0
             ^
    hint: write version: 1.0
""",
        id="version",
    ),
    pytest.param(
        "version: one\n" + MODEL,
        """\
s.yaml:1:10: error[NC203]: version: expected a number, found 'one'
    version: one
             ^
""",
        id="version text",
    ),
    pytest.param(
        MODEL + "device: tpu\n",
        """\
s.yaml:6:9: error[NC205]: device: unknown value `tpu`
    device: tpu
            ^
    hint: did you mean `gpu`?
""",
        id="device",
    ),
    pytest.param(
        MODEL + "costs: guessed\n",
        """\
s.yaml:6:8: error[NC205]: costs: unknown value `guessed`
    costs: guessed
           ^
    hint: known here: measured, static
""",
        id="costs",
    ),
    pytest.param(
        model(name="no"),
        """\
s.yaml:2:9: error[NC203]: model.name: expected a string, found no
    name: no
          ^
    hint: quote it: 'no'
""",
        id="name is a boolean",
    ),
    pytest.param(
        model(name="1.0"),
        """\
s.yaml:2:9: error[NC203]: model.name: expected a string, found 1.0
    name: 1.0
          ^
    hint: quote it: '1.0'
""",
        id="name is a number",
    ),
    pytest.param(
        model(name="'---'"),
        """\
s.yaml:2:9: error[NC206]: model.name: the name makes no file name
    name: '---'
          ^
    hint: use at least one of A-Z, a-z, 0-9
""",
        id="name without letters",
    ),
    pytest.param(
        model(name='"a\\nb"'),
        """\
s.yaml:2:9: error[NC206]: model.name: the name holds a control character
    name: "a\\nb"
          ^
    hint: use one printable line
""",
        id="name on two lines",
    ),
    pytest.param(
        model(name="n" * 101),
        """\
s.yaml:2:9: error[NC204]: model.name: must have at most 100 characters
    name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
          ^
""",
        id="name too long",
    ),
    pytest.param(
        model(framework="NA"),
        """\
s.yaml:3:14: error[NC205]: model.framework: `NA` can't be used here
    framework: NA
               ^
    hint: write pytorch, tensorflow, mxnet or onnx here, or give it as --framework
""",
        id="framework NA",
    ),
    pytest.param(
        model(framework="pytoch"),
        """\
s.yaml:3:14: error[NC205]: model.framework: unknown value `pytoch`
    framework: pytoch
               ^
    hint: did you mean `pytorch`?
""",
        id="framework typo",
    ),
    pytest.param(
        "model: {name: a}\n",
        """\
s.yaml:1:1: error[NC202]: model.framework: is required
    model: {name: a}
    ^
    hint: The framework of the model: pytorch, tensorflow, mxnet or onnx; left out, --framework tells it, or the ending of path or --model.
""",
        id="no framework",
    ),
    pytest.param(
        model(factory="net/model.py:make"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `net/model.py:make` does not name a Python object
    factory: net/model.py:make
             ^
    hint: write a module as in `import`, not a file: package.module:name
""",
        id="factory is a file",
    ),
    pytest.param(
        model(factory="pkg.net"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `pkg.net` does not name a Python object
    factory: pkg.net
             ^
    hint: write package.module:name, all of them Python names
""",
        id="factory without colon",
    ),
    pytest.param(
        model(factory="pkg.class:make"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `pkg.class:make` does not name a Python object
    factory: pkg.class:make
             ^
    hint: write package.module:name, all of them Python names
""",
        id="factory keyword",
    ),
    pytest.param(
        model(factory="pkg.net:Net..make"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `pkg.net:Net..make` does not name a Python object
    factory: pkg.net:Net..make
             ^
    hint: write package.module:name, all of them Python names
""",
        id="factory empty attribute",
    ),
    pytest.param(
        model(factory="pkg.net:__debug__"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `pkg.net:__debug__` does not name a Python object
    factory: pkg.net:__debug__
             ^
    hint: write package.module:name, all of them Python names
""",
        id="factory no import may bind",
    ),
    pytest.param(
        model(factory="pkg.net:ﬁlm"),
        """\
s.yaml:4:12: error[NC206]: model.factory: Python reads `pkg.net:ﬁlm` as another name
    factory: pkg.net:ﬁlm
             ^
    hint: write `pkg.net:film`
""",
        id="factory ligature",
    ),
    pytest.param(
        model(inputs="[{name: ﬁlm, shape: [1]}]"),
        """\
s.yaml:5:19: error[NC206]: model.inputs[0].name: Python reads `ﬁlm` as another name
    inputs: [{name: ﬁlm, shape: [1]}]
                    ^
    hint: write `film`
""",
        id="input ligature",
    ),
    pytest.param(
        model(factory="'a:b\"c'"),
        """\
s.yaml:4:12: error[NC206]: model.factory: `a:b"c` does not name a Python object
    factory: 'a:b"c'
             ^
    hint: write package.module:name, all of them Python names
""",
        id="factory quote",
    ),
    pytest.param(
        model(weights="net.onnx"),
        """\
s.yaml:6:12: error[NC306]: model.weights: `net.onnx` is not a kind of weights that can be read
    weights: net.onnx
             ^
    hint: write a file that ends in .safetensors, .safetensors.index.json, .pt, .pth, .bin
""",
        id="weights",
    ),
    pytest.param(
        model(weights="w\\net.pt"),
        """\
s.yaml:6:12: error[NC206]: model.weights: the path holds a backslash
    weights: w\\net.pt
             ^
    hint: write `/` between folders
""",
        id="weights backslash",
    ),
    pytest.param(
        model(weights="~/net.pt"),
        """\
s.yaml:6:12: error[NC206]: model.weights: `~` is not expanded
    weights: ~/net.pt
             ^
    hint: write a path relative to the spec
""",
        id="weights home",
    ),
    pytest.param(
        model(weights="''"),
        """\
s.yaml:6:3: error[NC206]: model.weights: the path is empty
    weights: ''
    ^
""",
        id="weights empty",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [2]}, b]"),
        """\
s.yaml:5:35: error[NC202]: model.inputs[1]: pytorch needs the shape of `b`
    inputs: [{name: a, shape: [2]}, b]
                                    ^
    hint: {name: b, shape: [batch, ...], dtype: float32}
""",
        id="inputs by name",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [1]}, {name: a, shape: [1]}]"),
        """\
s.yaml:5:42: error[NC301]: model.inputs[1].name: the input `a` is named twice
    inputs: [{name: a, shape: [1]}, {name: a, shape: [1]}]
                                           ^
""",
        id="input twice",
    ),
    pytest.param(
        model(inputs="[{name: 'a:0', shape: [1]}]"),
        """\
s.yaml:5:19: error[NC206]: model.inputs[0].name: `a:0` is not a Python name
    inputs: [{name: 'a:0', shape: [1]}]
                    ^
    hint: write the argument's name in the model's forward, `batch.image` for a key and `pair.0` for an element
""",
        id="input not a name",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [-1, 3]}]"),
        """\
s.yaml:5:30: error[NC206]: model.inputs[0].shape[0]: a dimension is a size of at least 1 or a symbol
    inputs: [{name: a, shape: [-1, 3]}]
                               ^
    hint: write a symbol such as `batch` for a size that varies
""",
        id="dynamic as -1",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [~, 3]}]"),
        """\
s.yaml:5:30: error[NC206]: model.inputs[0].shape[0]: a dimension is a size of at least 1 or a symbol
    inputs: [{name: a, shape: [~, 3]}]
                               ^
    hint: write a symbol such as `batch` for a size that varies
""",
        id="dynamic as null",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [yes]}]"),
        """\
s.yaml:5:30: error[NC206]: model.inputs[0].shape[0]: a dimension is a size of at least 1 or a symbol
    inputs: [{name: a, shape: [yes]}]
                               ^
    hint: write a symbol such as `batch` for a size that varies
""",
        id="dimension true",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [batch size]}]"),
        """\
s.yaml:5:30: error[NC206]: model.inputs[0].shape[0]: `batch size` is not a Python name
    inputs: [{name: a, shape: [batch size]}]
                               ^
    hint: use letters, digits and _, with a letter first
""",
        id="dimension name",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: 3}]"),
        """\
s.yaml:5:29: error[NC203]: model.inputs[0].shape: expected a list, found 3
    inputs: [{name: a, shape: 3}]
                              ^
    hint: write a list: [3]
""",
        id="shape scalar",
    ),
    pytest.param(
        model(inputs="[{name: a, shape: [3], dtype: flaot32}]"),
        """\
s.yaml:5:41: error[NC205]: model.inputs[0].dtype: unknown value `flaot32`
    inputs: [{name: a, shape: [3], dtype: flaot32}]
                                          ^
    hint: did you mean `float32`?
""",
        id="dtype",
    ),
    pytest.param(
        model(inputs="{a: 1}"),
        """\
s.yaml:5:3: error[NC203]: model.inputs: expected a list, found a mapping
    inputs: {a: 1}
    ^
""",
        id="inputs mapping",
    ),
    pytest.param(
        model(runtime="any"),
        """\
s.yaml:6:12: error[NC305]: model.runtime: `runtime` is for onnx models
    runtime: any
             ^
    hint: leave it out
""",
        id="runtime elsewhere",
    ),
    pytest.param(
        model(path="a.pt2"),
        """\
s.yaml:6:9: error[NC301]: model.path: `path` and `factory` each give the whole model: write one
    path: a.pt2
          ^
""",
        id="path and factory",
    ),
    pytest.param(
        model(path="a.pt"),
        """\
s.yaml:6:9: error[NC306]: model.path: `a.pt` is no exported program: weights, a pickled module or TorchScript
    path: a.pt
          ^
    hint: write `factory` and `weights` to make the original module, or the .pt2 that torch.export.save writes
""",
        id="path to torchscript",
    ),
    pytest.param(
        model(path="a.onnx"),
        """\
s.yaml:6:9: error[NC306]: model.path: `a.onnx` is not a kind of model that can be read
    path: a.onnx
          ^
    hint: write a file that ends in .pt2, as torch.export.save writes it
""",
        id="path to onnx",
    ),
    pytest.param(
        "model:\n  name: a\n  framework: pytorch\n  path: a.pt2\n  weights: b.pt\n"
        "  inputs: [{name: x, shape: [1]}]\n",
        """\
s.yaml:5:12: error[NC303]: model.weights: `weights` goes with `factory`: an exported program holds its own
    weights: b.pt
             ^
    hint: leave it out
""",
        id="path and weights",
    ),
    pytest.param(
        model(trust="true", weights="a.safetensors"),
        """\
s.yaml:6:10: error[NC303]: model.trust: `trust` is for files that may hold pickles; here is none
    trust: true
           ^
    hint: leave it out
""",
        id="trust without pickles",
    ),
    pytest.param(
        model(trust="true"),
        """\
s.yaml:6:10: error[NC303]: model.trust: `trust` is for files that may hold pickles; here is none
    trust: true
           ^
    hint: leave it out
""",
        id="trust without a file",
    ),
    pytest.param(
        MODEL + "mixed_precision: {precisions: bf61}\n",
        """\
s.yaml:6:31: error[NC205]: mixed_precision.precisions: unknown value `bf61`
    mixed_precision: {precisions: bf61}
                                  ^
    hint: did you mean `bf16`?
""",
        id="precision",
    ),
    pytest.param(
        MODEL + "mixed_precision: {precisions: [int8]}\n",
        """\
s.yaml:6:19: error[NC305]: mixed_precision.precisions: int8 is written for ONNX and MXNet models so far
    mixed_precision: {precisions: [int8]}
                      ^
    hint: precisions: bf16
""",
        id="precision int8",
    ),
    pytest.param(
        MODEL + "mixed_precision: {precisions: fp32}\n",
        """\
s.yaml:6:31: error[NC301]: mixed_precision.precisions: only fp32: nothing would be converted
    mixed_precision: {precisions: fp32}
                                  ^
    hint: precisions: bf16
""",
        id="precision fp32",
    ),
    pytest.param(
        MODEL
        + "mixed_precision: {precisions: 'bf16, fp16'}\n"
        + "tuning: {exit_policy: {performance_only: true}}\n",
        """\
s.yaml:6:31: error[NC302]: mixed_precision.precisions: bf16 and fp16, and nothing is judged: nothing says which is better
    mixed_precision: {precisions: 'bf16, fp16'}
                                  ^
    hint: write one of them
s.yaml:7:24: note[NC354]: tuning.exit_policy.performance_only accepts any accuracy: nothing is judged, ops go by the static rules
""",
        id="two precisions",
    ),
    pytest.param(
        MODEL
        + "mixed_precision:\n  op_wise:\n    'fc(': {activation: {dtype: [fp32]}}\n",
        """\
s.yaml:8:5: error[NC206]: mixed_precision.op_wise['fc(']: not a regular expression: missing ), unterminated subpattern at position 2
    'fc(': {activation: {dtype: [fp32]}}
    ^
    hint: the key is matched against whole op names by re.fullmatch
""",
        id="regex",
    ),
    pytest.param(
        MODEL + "quantization:\n  op_wise:\n    fc: {}\n",
        """\
s.yaml:8:5: error[NC202]: quantization.op_wise.fc: nothing is demanded of the op
    fc: {}
    ^
    hint: activation: {dtype: [fp32]}
""",
        id="no demand",
    ),
    pytest.param(
        MODEL + "quantization:\n  op_wise:\n    fc: {weight: {dtype: [fp16]}}\n",
        """\
s.yaml:8:5: error[NC301]: quantization.op_wise.fc: the op may be neither fp32 nor bf16
    fc: {weight: {dtype: [fp16]}}
    ^
    hint: dtype: [fp32]
""",
        id="other precision",
    ),
    pytest.param(
        MODEL + "quantization: {op_wise: {'': {activation: {dtype: [fp32]}}}}\n",
        """\
s.yaml:6:26: error[NC206]: quantization.op_wise['']: the text is empty
    quantization: {op_wise: {'': {activation: {dtype: [fp32]}}}}
                             ^
""",
        id="op without name",
    ),
    pytest.param(
        ev(metric="{topk: 1, MSE: ~}"),
        """\
s.yaml:8:5: error[NC302]: evaluation.accuracy.metric: write exactly one; found topk, MSE
    metric: {topk: 1, MSE: ~}
    ^
""",
        id="two metrics",
    ),
    pytest.param(
        ev(metric="{}"),
        """\
s.yaml:8:5: error[NC302]: evaluation.accuracy.metric: write exactly one of python, topk, Accuracy, F1, ROC, GLUE, MSE, RMSE, MAE, Loss, mIOU, mAP, COCOmAP, COCOmAPv2, VOCmAP, BLEU, SquadF1; found none
    metric: {}
    ^
""",
        id="metric empty",
    ),
    pytest.param(
        ev(metric="{topk: yes}"),
        """\
s.yaml:8:20: error[NC203]: evaluation.accuracy.metric.topk: expected an integer, found yes
    metric: {topk: yes}
                   ^
""",
        id="topk true",
    ),
    pytest.param(
        ev(metric="{topk: 0}"),
        """\
s.yaml:8:20: error[NC204]: evaluation.accuracy.metric.topk: must be greater than 0
    metric: {topk: 0}
                   ^
""",
        id="topk zero",
    ),
    pytest.param(
        ev(metric="{topk: 1, args: {a: 1}}"),
        """\
s.yaml:8:23: error[NC303]: evaluation.accuracy.metric.args: only your own class, named by python, takes args
    metric: {topk: 1, args: {a: 1}}
                      ^
""",
        id="metric args",
    ),
    pytest.param(
        ev(metric="{python: 'm:C', args: {a-b: 1}}"),
        """\
s.yaml:8:41: error[NC206]: evaluation.accuracy.metric.args['a-b']: `a-b` is not a Python name
    metric: {python: 'm:C', args: {a-b: 1}}
                                        ^
    hint: use letters, digits and _, with a letter first
""",
        id="args name",
    ),
    pytest.param(
        ev(metric="{python: metric.py}"),
        """\
s.yaml:8:22: error[NC206]: evaluation.accuracy.metric.python: `metric.py` does not name a Python object
    metric: {python: metric.py}
                     ^
    hint: write a module as in `import`, not a file: package.module:name
""",
        id="metric python",
    ),
    pytest.param(
        ev(more="    iteration: 0\n"),
        """\
s.yaml:11:16: error[NC204]: evaluation.accuracy.iteration: must be at least 1, or -1 for all batches
    iteration: 0
               ^
""",
        id="iteration",
    ),
    pytest.param(
        ev(more="      batch_size: -1\n"),
        """\
s.yaml:11:19: error[NC204]: evaluation.accuracy.dataloader.batch_size: must be greater than 0
    batch_size: -1
                ^
""",
        id="batch_size",
    ),
    pytest.param(
        ev(more="      batch_size: 64.0\n"),
        """\
s.yaml:11:19: error[NC203]: evaluation.accuracy.dataloader.batch_size: expected an integer, found 64.0
    batch_size: 64.0
                ^
""",
        id="batch_size float",
    ),
    pytest.param(
        ev(more="      last_batch: keep\n"),
        """\
s.yaml:11:19: error[NC205]: evaluation.accuracy.dataloader.last_batch: unknown value `keep`
    last_batch: keep
                ^
    hint: known here: rollover, discard
""",
        id="last_batch",
    ),
    pytest.param(
        ev(dataset="{npz: {path: a, inputs: x, label: y}, csv: {path: b, label: 1}}"),
        """\
s.yaml:10:7: error[NC302]: evaluation.accuracy.dataloader.dataset: write exactly one; found npz, csv
    dataset: {npz: {path: a, inputs: x, label: y}, csv: {path: b, label: 1}}
    ^
""",
        id="two datasets",
    ),
    pytest.param(
        ev(dataset="{npz: {path: a, inputs: [], label: y}}"),
        """\
s.yaml:10:32: error[NC206]: evaluation.accuracy.dataloader.dataset.npz.inputs: must not be empty
    dataset: {npz: {path: a, inputs: [], label: y}}
                             ^
""",
        id="npz without inputs",
    ),
    pytest.param(
        ev(dataset="{npz: {path: a, inputs: 'x, z', label: y}}"),
        """\
s.yaml:10:40: error[NC304]: evaluation.accuracy.dataloader.dataset.npz.inputs: 2 arrays, but 1 in model.inputs
    dataset: {npz: {path: a, inputs: 'x, z', label: y}}
                                     ^
    hint: name one of the arrays for each of model.inputs, in order
""",
        id="npz arity",
    ),
    pytest.param(
        ev(dataset="{npz: {path: a, inputs: x}}"),
        """\
s.yaml:8:5: error[NC301]: evaluation.accuracy.metric: the metric compares with labels, but the dataset names none
    metric: {topk: 1}
    ^
    hint: add `label:` to the dataset
""",
        id="no label",
    ),
    pytest.param(
        ev(dataset="{csv: {path: a, label: last}}"),
        """\
s.yaml:10:39: error[NC203]: evaluation.accuracy.dataloader.dataset.csv.label: expected an integer, found 'last'
    dataset: {csv: {path: a, label: last}}
                                    ^
""",
        id="csv label",
    ),
    pytest.param(
        ev(dataset="{csv: {path: a, label: 0, delimiter: '||'}}"),
        """\
s.yaml:10:53: error[NC206]: evaluation.accuracy.dataloader.dataset.csv.delimiter: a delimiter is one character, not a quote or line break
    dataset: {csv: {path: a, label: 0, delimiter: '||'}}
                                                  ^
    hint: such as "," or ";" or "\\t"
""",
        id="csv delimiter",
    ),
    pytest.param(
        ev(dataset="{csv: {path: a, label: 0, header: 1}}"),
        """\
s.yaml:10:50: error[NC203]: evaluation.accuracy.dataloader.dataset.csv.header: expected true or false, found 1
    dataset: {csv: {path: a, label: 0, header: 1}}
                                               ^
""",
        id="csv header",
    ),
    pytest.param(
        ev(dataset="{csv: {path: a, label: 0}}").replace(
            "[{name: x, shape: [batch, 4]}]",
            "[{name: x, shape: [batch, 4]}, {name: z, shape: [batch, 4]}]",
        ),
        """\
s.yaml:10:17: error[NC301]: evaluation.accuracy.dataloader.dataset.csv: the dataset feeds one input, the model has 2
    dataset: {csv: {path: a, label: 0}}
              ^
    hint: use npz or python
""",
        id="csv two inputs",
    ),
    pytest.param(
        ev(
            dataset="{npz: {path: a, inputs: 'x, z', label: y}}",
            more="      transform: {Rescale: {}}\n",
        ).replace(
            "[{name: x, shape: [batch, 4]}]",
            "[{name: x, shape: [batch, 4]}, {name: z, shape: [batch, 4]}]",
        ),
        """\
s.yaml:11:7: error[NC304]: evaluation.accuracy.dataloader.transform: transforms prepare one input, the model has 2
    transform: {Rescale: {}}
    ^
    hint: prepare the samples in your own dataset: {python: package.module:Class}
""",
        id="transform two inputs",
    ),
    pytest.param(
        ev().replace("[batch, 4]", "[8, 4]"),
        """\
s.yaml:5:30: error[NC304]: model.inputs[0].shape[0]: the input takes 8 samples, but a batch holds 64
    inputs: [{name: x, shape: [8, 4]}]
                               ^
    hint: write a symbol such as `batch`, or batch_size: 8
""",
        id="fixed batch",
    ),
    pytest.param(
        ev(more="      transform: {Normalise: {mean: [0], std: [1]}}\n"),
        """\
s.yaml:11:19: error[NC201]: evaluation.accuracy.dataloader.transform.Normalise: unknown key
    transform: {Normalise: {mean: [0], std: [1]}}
                ^
    hint: did you mean `Normalize`?
""",
        id="transform typo",
    ),
    pytest.param(
        ev(more="      transform: {Normalize: {mean: [0, 1], std: [1]}}\n"),
        """\
s.yaml:11:19: error[NC304]: evaluation.accuracy.dataloader.transform.Normalize: 2 means but 1 standard deviations
    transform: {Normalize: {mean: [0, 1], std: [1]}}
                ^
    hint: write one of each per channel
""",
        id="normalize lengths",
    ),
    pytest.param(
        ev(more="      transform: {Normalize: {mean: [0], std: [0]}}\n"),
        """\
s.yaml:11:48: error[NC204]: evaluation.accuracy.dataloader.transform.Normalize.std[0]: must be greater than 0
    transform: {Normalize: {mean: [0], std: [0]}}
                                             ^
""",
        id="normalize zero",
    ),
    pytest.param(
        ev(more="      transform: {Transpose: {perm: [0, 2]}}\n"),
        """\
s.yaml:11:31: error[NC301]: evaluation.accuracy.dataloader.transform.Transpose.perm: each axis from 0 to 1 goes in once
    transform: {Transpose: {perm: [0, 2]}}
                            ^
""",
        id="perm",
    ),
    pytest.param(
        ev(more="      transform: {Rescale: {by: 2}}\n"),
        """\
s.yaml:11:29: error[NC201]: evaluation.accuracy.dataloader.transform.Rescale.by: unknown key
    transform: {Rescale: {by: 2}}
                          ^
    hint: no key goes here
""",
        id="rescale",
    ),
    pytest.param(
        ev(more="      transform: {Normalize: {mean: [true], std: [1]}}\n"),
        """\
s.yaml:11:38: error[NC203]: evaluation.accuracy.dataloader.transform.Normalize.mean[0]: expected a number, found true
    transform: {Normalize: {mean: [true], std: [1]}}
                                   ^
""",
        id="mean true",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {relative: 100%}}\n",
        """\
s.yaml:6:41: error[NC204]: tuning.accuracy_criterion.relative: must be below 1
    tuning: {accuracy_criterion: {relative: 100%}}
                                            ^
    hint: 1% is 0.01
""",
        id="relative range",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {relative: -0.01}}\n",
        """\
s.yaml:6:41: error[NC204]: tuning.accuracy_criterion.relative: must be at least 0
    tuning: {accuracy_criterion: {relative: -0.01}}
                                            ^
    hint: it is the loss allowed, whatever the metric's direction: 0 allows none
""",
        id="relative negative",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {absolute: -0.01}}\n",
        """\
s.yaml:6:41: error[NC204]: tuning.accuracy_criterion.absolute: must be at least 0
    tuning: {accuracy_criterion: {absolute: -0.01}}
                                            ^
    hint: it is the loss allowed, whatever the metric's direction: 0 allows none
""",
        id="absolute negative",
    ),
    pytest.param(
        MODEL + "tuning: {error_rate: 1}\n",
        """\
s.yaml:6:22: error[NC204]: tuning.error_rate: must be from 0 to 0.5
    tuning: {error_rate: 1}
                         ^
    hint: 0.05, or 0 for no early stop
""",
        id="error_rate",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {relative: 1 percent}}\n",
        """\
s.yaml:6:41: error[NC203]: tuning.accuracy_criterion.relative: expected a number, found '1 percent'
    tuning: {accuracy_criterion: {relative: 1 percent}}
                                            ^
""",
        id="relative text",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {relative: 0.1, absolute: 1}}\n",
        """\
s.yaml:6:10: error[NC302]: tuning.accuracy_criterion: write one of relative and absolute, not both
    tuning: {accuracy_criterion: {relative: 0.1, absolute: 1}}
             ^
""",
        id="both criteria",
    ),
    pytest.param(
        ev(more="tuning: {accuracy_criterion: {higher_is_better: false}}\n"),
        """\
s.yaml:11:49: error[NC307]: tuning.accuracy_criterion.higher_is_better: the metric is better when higher: this accepts any loss
    tuning: {accuracy_criterion: {higher_is_better: false}}
                                                    ^
    hint: leave higher_is_better out
""",
        id="direction",
    ),
    pytest.param(
        ev(
            metric="{MSE: {}}",
            more="tuning: {accuracy_criterion: {higher_is_better: true}}\n",
        ),
        """\
s.yaml:11:49: error[NC307]: tuning.accuracy_criterion.higher_is_better: the metric is better when lower: this accepts any loss
    tuning: {accuracy_criterion: {higher_is_better: true}}
                                                    ^
    hint: leave higher_is_better out
""",
        id="direction MSE",
    ),
    pytest.param(
        MODEL + "tuning: {accuracy_criterion: {higher_is_better: up}}\n",
        """\
s.yaml:6:49: error[NC203]: tuning.accuracy_criterion.higher_is_better: expected true or false, found 'up'
    tuning: {accuracy_criterion: {higher_is_better: up}}
                                                    ^
""",
        id="direction text",
    ),
    pytest.param(
        MODEL + "tuning: {objective: [latency]}\n",
        """\
s.yaml:6:10: error[NC203]: tuning.objective: expected a string, found a list
    tuning: {objective: [latency]}
             ^
""",
        id="objective list",
    ),
    pytest.param(
        MODEL + "tuning: {exit_policy: {timeout: -1}}\n",
        """\
s.yaml:6:33: error[NC204]: tuning.exit_policy.timeout: must be at least 0
    tuning: {exit_policy: {timeout: -1}}
                                    ^
""",
        id="timeout",
    ),
    pytest.param(
        MODEL + "tuning: {exit_policy: {max_trials: 0}}\n",
        """\
s.yaml:6:36: error[NC204]: tuning.exit_policy.max_trials: must be at least 1
    tuning: {exit_policy: {max_trials: 0}}
                                       ^
""",
        id="max_trials",
    ),
    pytest.param(
        MODEL + "device: gpu\ntuning: {execution: compile}\n",
        """\
s.yaml:7:21: error[NC305]: tuning.execution: packages are compiled for the CPU, and device is gpu
    tuning: {execution: compile}
                        ^
    hint: write execution: eager, or device: cpu
""",
        id="compiled-for-a-gpu",
    ),
    pytest.param(
        MODEL + "tuning: {random_seed: 4294967296}\n",
        """\
s.yaml:6:23: error[NC204]: tuning.random_seed: must be less than 4294967296
    tuning: {random_seed: 4294967296}
                          ^
""",
        id="seed",
    ),
    pytest.param(
        MODEL + "tuning: {exit_policy: {timeout: 1:30}}\n",
        """\
s.yaml:6:33: error[NC203]: tuning.exit_policy.timeout: expected an integer, found '1:30'
    tuning: {exit_policy: {timeout: 1:30}}
                                    ^
""",
        id="sexagesimal",
    ),
    pytest.param(
        MODEL + "tuning: {random_seed: 010}\n",
        """\
s.yaml:6:23: error[NC203]: tuning.random_seed: expected an integer, found '010'
    tuning: {random_seed: 010}
                          ^
""",
        id="octal",
    ),
    pytest.param(
        MODEL + 'device: "\\e[31m"\n',
        """\
s.yaml:6:9: error[NC205]: device: unknown value `\ufffd[31m`
    device: "\\e[31m"
            ^
    hint: known here: cpu, gpu, cuda
""",
        id="escape in a word",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_error(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text, "s.yaml")
    assert str(caught.value) == expected.rstrip("\n")
