"""NC3xx: what keys of a spec say together, and notes."""

from __future__ import annotations

from .entry import Entry

ONNX = "model: {name: net, framework: onnx, path: net.onnx}\n"
ANY = "model: {name: net, framework: onnx, path: net.onnx, runtime: any}\n"

ENTRIES = (
    Entry(
        "NC301",
        "keys that do not fit",
        "Keys are right each by itself, and wrong together.",
        f"{ONNX}mixed_precision: {{precisions: fp32}}",
        "Change or leave out one of them, as the hint says.",
    ),
    Entry(
        "NC302",
        "one of several",
        "Exactly one of some keys is to be written, and there are more, or none.",
        f"{ONNX}tuning: {{accuracy_criterion: {{relative: 0.1, absolute: 0.1}}}}",
        "Keep one of them.",
    ),
    Entry(
        "NC303",
        "key that does nothing here",
        "A key is only for what is not written here. It is refused where it would be "
        "taken for something that happens.",
        "model: {name: net, framework: pytorch, path: net.pt2, weights: net.pth,\n"
        "  inputs: [{name: x, shape: [batch, 4]}]}",
        "Leave it out, or write what it goes with.",
    ),
    Entry(
        "NC304",
        "numbers of things that differ",
        "Two lists, or a list and the model's inputs, do not have as many items as each "
        "other.",
        f"{ONNX}evaluation:\n  accuracy:\n    metric: {{topk: 1}}\n    dataloader:\n"
        "      dataset: {npz: {path: net.npz, inputs: x, label: y}}\n"
        "      transform: {Normalize: {mean: [0.1, 0.2], std: [0.3]}}",
        "Write one for each.",
    ),
    Entry(
        "NC305",
        "not to be had there",
        "The framework, runtime or device can't do what is asked.",
        "model: {name: net, framework: onnx, path: net.onnx, runtime: onnxruntime}\n"
        "mixed_precision: {precisions: bf16}",
        "Choose another precision, runtime or device, as the hint says.",
    ),
    Entry(
        "NC306",
        "kind of file that is not read",
        "The ending of a file is none that the framework's models or weights have.",
        "model: {name: net, framework: onnx, path: net.pb}",
        "Name the file that the hint describes, or convert it first.",
    ),
    Entry(
        "NC307",
        "criterion that accepts any loss",
        "`higher_is_better` is the opposite of what the metric means: every loss would "
        "pass.",
        f"{ONNX}evaluation:\n  accuracy:\n    metric: {{topk: 1}}\n    dataloader:\n"
        "      dataset: {npz: {path: net.npz, inputs: x, label: y}}\n"
        "tuning: {accuracy_criterion: {higher_is_better: false}}",
        "Leave `higher_is_better` out.",
    ),
    Entry(
        "NC351",
        "note: chosen for you",
        "What is not written has a value that you may want to know of.",
        ONNX.rstrip(),
        "Write the key, with this value or another.",
        None,
    ),
    Entry(
        "NC352",
        "note: without effect",
        "A key changes nothing here. Many are Neural Compressor's, for what narrowcast "
        "does otherwise.",
        f"{ANY}tuning: {{accuracy_criterion: {{absolute: 1}}}}",
        "Leave it out. `--strict` takes notes for errors.",
        None,
    ),
    Entry(
        "NC353",
        "note: only on this machine",
        "A path is absolute: the script will only run where it leads somewhere.",
        "model: {name: net, framework: onnx, path: /data/net.onnx}",
        "Write it relative to the spec.",
        None,
    ),
    Entry(
        "NC354",
        "note: may mean something else",
        "What is written is done, and may not be what was meant: code in a model's file "
        "is run, any accuracy is accepted, an order of transforms is unusual.",
        f"{ONNX}tuning: {{objective: accuracy}}",
        "Read what the note says; keep it if it is meant.",
        None,
    ),
)
