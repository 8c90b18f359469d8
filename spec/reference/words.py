"""A spec in words: what will be done, in sentences that hold no code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..spec import (
    SUPPLIED,
    Criterion,
    Evaluation,
    Input,
    MultiMetrics,
    PythonClass,
    PythonObject,
    Spec,
)

FRAMEWORKS = {
    "pytorch": "a PyTorch",
    "tensorflow": "a TensorFlow",
    "mxnet": "an MXNet",
    "onnx": "an ONNX",
}
RUNTIMES = {
    "openvino": "OpenVINO",
    "onnxruntime": "ONNX Runtime",
    "tensorrt": "TensorRT",
    "any": "any runtime",
}
OBJECTIVES = {
    "low_compute": "As many FLOPs as the accuracy allows go to 16 bits",
    "latency": "Ops go to 16 bits where that makes the model faster",
    "memory": "Ops go to 16 bits where that makes the weights smaller",
}


def in_words(spec: Spec) -> str:
    """What a script of the spec does, one paragraph for each step."""
    steps = (_model, _inputs, _lowered, _pinned, _data, _judged, _searched)
    said = (" ".join(step(spec)) for step in steps)
    return "\n".join(each for each in said if each)


def _model(spec: Spec) -> Iterator[str]:
    model = spec.model
    kind = FRAMEWORKS[model.framework]
    if model.factory is not None:
        weights = f", with the weights in {model.weights}" if model.weights else ""
        where = f"that {_object(model.factory)} makes{weights}"
    elif model.path is not None:
        where = f"in {model.path}"
    else:
        where = "that --model gives to the script"
    yield f"{model.name} is {kind} model {where}."
    if model.runtime is not None:
        runs = "" if model.runtime in ("openvino", "onnxruntime") else ", not run here"
        yield f"It is converted for {RUNTIMES[model.runtime]}{runs}."
    yield f"It is converted on {'a GPU' if spec.device == 'cuda' else 'the CPU'}."
    if model.signature not in (None, "serving_default"):
        yield f"Its signature {model.signature} is what counts."
    if model.trust:
        yield "Code in its file may run."


def _inputs(spec: Spec) -> Iterator[str]:
    inputs, outputs = spec.model.inputs, spec.model.outputs
    if inputs:
        yield f"It takes {_listed([_input(each) for each in inputs])}."
    if outputs:
        yield f"Its outputs are {_listed(outputs)}."
    freed = [each.name for each in inputs if each.freed]
    if freed := [*freed, *spec.model.freed_outputs]:
        are = "is" if len(freed) == 1 else "are"
        yield f"In the converted model {_listed(freed)} {are} {spec.precisions[0]}."


def _input(given: Input) -> str:
    shape = "" if given.shape is None else f" ({', '.join(map(str, given.shape))})"
    if given.value:
        return f"{given.name}, which is always {given.value[0]}"
    return f"{given.name}{shape}{f' of {given.dtype}' if given.dtype else ''}"


def _lowered(spec: Spec) -> Iterator[str]:
    lows = spec.precisions
    if len(lows) > 1:
        yield f"It is converted to {' and to '.join(lows)}; the better one is kept."
    else:
        yield f"It is converted to {lows[0]}: the rest stays fp32."
    if how := spec.quantization:
        scales = "as it runs" if how.dynamic else f"from {how.samples} samples"
        yield f"Ops go to int8 as far as they can; scales are computed {scales}."
    yield f"{OBJECTIVES[spec.objective]}."
    if spec.objective == "latency" and spec.costs == "static":
        yield "Times are those of a stated machine profile."
    if spec.execution == "compile":
        yield "A compiled package is made, too."


def _pinned(spec: Spec) -> Iterator[str]:
    pins = spec.pins
    if pins.everything:
        yield "All ops stay fp32, but for those that are freed by type or name."
    if pins.types:
        yield f"Ops of type {_listed([p.pattern for p in pins.types])} stay fp32."
    if pins.names:
        yield f"Ops called {_listed([p.pattern for p in pins.names])} stay fp32."
    if pins.int8 and pins.int8.everything:
        yield "No op goes to int8, but for those that are freed by type or name."
    if pins.int8 and (held := pins.int8.types + pins.int8.names):
        yield f"Ops of type or name {_listed([p.pattern for p in held])} don't go to int8."


def _data(spec: Spec) -> Iterator[str]:
    evaluation = spec.evaluation
    if evaluation.dataset is None:
        yield "The data is what --data gives to the script, else one random batch."
        return
    files = ""
    if isinstance(evaluation.dataset, PythonClass):
        name = _object(evaluation.dataset.object)
    else:
        name = type(evaluation.dataset).__name__
        files = ", ".join(evaluation.dataset.files.values())
    where = f" of {files}" if files else ""
    count = f", the first {evaluation.batches} of them" if evaluation.batches else ""
    yield f"The data is {name}{where}, in batches of {spec.batch_size}{count}."
    steps = [type(step).__name__ for step in evaluation.transforms]
    if steps:
        yield f"Samples go through {', then '.join(steps)}."


def _judged(spec: Spec) -> Iterator[str]:
    evaluation, criterion = spec.evaluation, spec.evaluation.criterion
    if criterion is None:
        yield "Nothing is judged: any accuracy is accepted."
        return
    yield f"What judges is {_judge(evaluation)}."
    yield f"The result may lose {_loss(criterion)}."
    if evaluation.drift is not None:
        near = [*evaluation.drift.demanded, *evaluation.drift.outputs]
        yield f"Outputs stay near fp32's by {_listed(near)}."


def _judge(evaluation: Evaluation) -> str:
    metric, score = evaluation.metric, evaluation.eval_func
    if score == SUPPLIED:
        return "the function that code gives"
    if isinstance(score, PythonObject):
        return f"your function {_object(score)}"
    if isinstance(metric, MultiMetrics):
        each = [type(one).__name__ for one in metric.metrics]
        how = "by their weighted mean" if metric.weights else "each by itself"
        return f"{_listed(each)}, {how}"
    if isinstance(metric, PythonClass):
        return f"your metric {_object(metric.object)}"
    return type(metric).__name__ if metric else "the metric that --metric gives"


def _loss(criterion: Criterion) -> str:
    if criterion.absolute is not None:
        return f"{criterion.absolute:g} of fp32's accuracy, absolute"
    return f"{(criterion.relative or 0) * 100:g}% of fp32's accuracy"


def _searched(spec: Spec) -> Iterator[str]:
    budget = spec.budget
    limit = f" and {budget.timeout} s" if budget.timeout else ""
    yield f"The search takes {budget.max_trials} trials{limit} at most."


def _object(given: PythonObject) -> str:
    return f"{given.module}:{given.name}"


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
