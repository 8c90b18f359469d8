"""NC4xx to NC7xx: what goes wrong where a script runs."""

from __future__ import annotations

from .entry import Entry

ENTRIES = (
    Entry(
        "NC401",
        "model can't be converted",
        "The model can't be loaded, traced, converted or saved, for the reason that the "
        "message gives, often in the framework's own words.",
        "error[NC401]: the model net.onnx does not exist",
        "Do what the second line says; `explain` of a more special code if there is one.",
    ),
    Entry(
        "NC402",
        "model's file is not safe",
        "The file holds what could run code, read or write files when it is opened: "
        "pickles, a Lambda layer, ReadFile ops, links out of its folder. It was not "
        "opened.",
        "error[NC402]: net.onnx is not safe to open: its weights lie outside its folder",
        "Save it without that. If you trust who made it, write `model.trust: true`.",
    ),
    Entry(
        "NC403",
        "model's file is damaged",
        "The file is cut short, its checksum is wrong, or it is of another format than "
        "its name says.",
        "error[NC403]: net.pb is no GraphDef, or cut short",
        "Copy it again, or save it again.",
    ),
    Entry(
        "NC404",
        "load_model() failed",
        "Your code that makes the model raised an error, at the place that is named.",
        "error[NC404]: load_model() failed at net.py:12: RuntimeError: size mismatch",
        "Mend it there: the error's own words say what it is.",
    ),
    Entry(
        "NC405",
        "model fails on its inputs",
        "The model, as loaded or as saved, raises an error when it is called.",
        "error[NC405]: the fp32 model fails on the data at net.py:20: IndexError: …",
        "Check shapes and dtypes in model.inputs, the dataset and its transforms.",
    ),
    Entry(
        "NC501",
        "data can't be used",
        "The dataset can't be read, has no samples, or is not what model and metric take.",
        "error[NC501]: digits.csv has no column label",
        "Mend the file or the dataset's keys in the spec, at the place that is named.",
    ),
    Entry(
        "NC502",
        "waited too long",
        "A batch, the metric or eval_func took longer than --timeout gives.",
        "error[NC502]: reading data: no batch came for 60 s",
        "Look what it waits for at the place that is named, or give it more time.",
    ),
    Entry(
        "NC503",
        "metric fails",
        "The metric raises an error on the model's outputs, or returns no number.",
        "error[NC503]: Score.result() gives str, not a number",
        "Let it return one float; see docs/extending.md.",
    ),
    Entry(
        "NC601",
        "plan of another model",
        "The plan was made for another graph or precision, or has what this machine's "
        "framework can't do.",
        "error[NC601]: net.plan.json was made for another graph",
        "Restore the model that it was made for, or make a new plan with --search.",
    ),
    Entry(
        "NC602",
        "plan can't be read",
        "The file is no plan, or is damaged.",
        "error[NC602]: net.plan.json can't be read: Expecting value",
        "Restore it, or make a new plan with --search.",
    ),
    Entry(
        "NC603",
        "history can't be used",
        "The history of a search is damaged, is of other data, another model, spec or "
        "script, or has no such trial.",
        "error[NC603]: net.trials.jsonl was begun with another model",
        "Restore what it was begun with, or search anew with --search.",
    ),
    Entry(
        "NC604",
        "costs can't be used",
        "The file that --costs names is damaged, or of another model, precision or "
        "machine.",
        "error[NC604]: --costs costs.json is of another precision",
        "Name another file: costs are measured and written there.",
    ),
    Entry(
        "NC605",
        "cost that is no number",
        "A cost is negative, not finite, or the costs add up to too much.",
        "error[NC605]: The cost of conv1 is nan: not zero or more, and finite.",
        "Costs are seconds: see where they are measured or stated.",
    ),
    Entry(
        "NC606",
        "another run is at it",
        "Another process writes the same model, plan or history.",
        "error[NC606]: another run writes net in models: process 4711",
        "Wait for it or end it, or choose other places with --output and --plan.",
    ),
    Entry(
        "NC701",
        "machine or framework lacks something",
        "The CPU, the device or the framework's version can't compute in the precision "
        "that is asked for. Nothing was touched.",
        "error[NC701]: bf16 needs avx512_bf16 or AMX-BF16",
        "`narrowcast doctor` says what there is. FORCE_BF16=1 or FORCE_FP16=1 converts "
        "all the same, and times nothing.",
        3,
    ),
    Entry(
        "NC702",
        "package is not installed",
        "A package that is needed is not there, or its import fails.",
        "error[NC702]: PyTorch is not installed.",
        "Install it as the message says.",
        3,
    ),
    Entry(
        "NC703",
        "fp32 is not fp32",
        "A setting lets the framework compute fp32 in fewer bits: nothing could be "
        "compared with such a baseline.",
        "error[NC703]: PyTorch computes fp32 in fewer bits here (relative error 1e-03)",
        "Unset the variables that the message names.",
        3,
    ),
    Entry(
        "NC704",
        "script and runtime don't fit",
        "The script was generated by another narrowcast than the one that is installed, "
        "or than the copy beside it was made by.",
        "error[NC704]: this script was generated by narrowcast 0.2.0, and this is 0.1.0",
        "Generate the script again, with its copy if it has one, or install what the "
        "message names.",
        3,
    ),
)
