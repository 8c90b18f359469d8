"""What a spec may demand: drift from fp32's outputs, several metrics."""

from __future__ import annotations

import pytest

from narrowcast.spec import Spec, SpecError, loads

MODEL = """
model: {name: net, framework: onnx, path: a.onnx, outputs: [logits, boxes]}
mixed_precision: {precisions: bf16}
"""
NPZ = "dataloader: {dataset: {npz: {path: a.npz, inputs: x%s}}}"


def drift(text: str, accuracy: str = "") -> str:
    judged = f"evaluation: {{accuracy: {{{accuracy}}}}}\n" if accuracy else ""
    return f"{MODEL}{judged}tuning: {{accuracy_criterion: {{drift: {text}}}}}"


def metrics(text: str, label: str = ", label: y", criterion: str = "{}") -> str:
    accuracy = f"{{multi_metrics: {text}, {NPZ % label}}}"
    tuning = f"tuning: {{accuracy_criterion: {criterion}}}"
    return f"{MODEL}evaluation: {{accuracy: {accuracy}}}\n{tuning}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (drift("{}"), "nothing is demanded"),
        (drift("{axis: 1}"), "nothing is demanded"),
        (drift("{outputs: {logits: {axis: 1}}}"), "nothing is demanded"),
        (drift("{agreement: 1.5}"), "must be above 0, and 1 at most"),
        (drift("{cosine: 0}"), "must be above 0, and 1 at most"),
        (drift("{kl: -1}"), "must be at least 0"),
        (drift("{sqnr: x}"), "expected a number"),
        (drift("{cosin: 0.9}"), "unknown key"),
        (drift("{outputs: {logit: {kl: 1}}}"), "no output is called `logit`"),
        (
            drift('{outputs: {boxes: {kl: 1}, "1": {sqnr: 30}}}'),
            "`boxes` and `1` are one output",
        ),
        (drift("{kl: 1, axis: 0}"), "axis 0 is that of the samples"),
        (drift('{outputs: {"0": {kl: 1, axis: 0}}}'), "axis 0 is that of the samples"),
        (metrics("{topk: 1, MSE: {}, weight: [1, -2]}"), "a weight below 0 makes what"),
        (metrics("{topk: 1, weight: [0]}"), "no metric counts"),
        (
            drift("{kl: 1}", 'python: "m:f"'),
            "your function scores whole models: there are no outputs to compare",
        ),
        (metrics("{weight: [1]}"), "no metric is named"),
        (metrics("{topk: 1, weight: [1, 2]}"), "2 values for 1 metrics"),
        (
            metrics("{MSE: {}, topk: 1, higher_is_better: [true, true]}"),
            "MSE is better when lower: this accepts any loss",
        ),
        (
            metrics(
                "{MSE: {}, topk: 1, weight: [1, 2], higher_is_better: [true, true]}"
            ),
            "MSE is better when lower: this accepts any loss",
        ),
        (
            metrics("{MSE: {}, MAE: {}}", criterion="{higher_is_better: true}"),
            "each metric is better when lower: this accepts any loss",
        ),
        (
            metrics("{topk: 1, weight: [1]}", criterion="{higher_is_better: false}"),
            "each metric is better when higher: this accepts any loss",
        ),
        (
            metrics("{MSE: {compare_label: false}, topk: 1}", ""),
            "the metric compares with labels, but the dataset names none",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text)
    assert message in str(caught.value)


def test_outputs_that_only_the_model_names_are_left_to_it() -> None:
    text = drift('{outputs: {mask: {kl: 1}, "0": {sqnr: 30}}}').replace(
        ", outputs: [logits, boxes]", ""
    )
    found = loads(text).evaluation.drift
    assert found is not None and list(found.outputs) == ["mask", "0"]


def test_a_name_that_is_nearly_an_output_is_told() -> None:
    with pytest.raises(SpecError, match="did you mean `logits`"):
        loads(drift("{outputs: {logit: {kl: 1}}}"))


@pytest.mark.parametrize(
    "text",
    [
        drift('{agreement: 99%, outputs: {logits: {sqnr: 30}, "1": {kl: 1}}}'),
        drift("{kl: 1}", NPZ % ""),
        drift("{kl: 1}", f"metric: {{MSE: {{compare_label: false}}}}, {NPZ % ''}"),
        metrics("{MSE: {compare_label: false}, MAE: {compare_label: false}}", ""),
    ],
)
def test_what_needs_no_labels(text: str) -> None:
    assert loads(text).judged


def said(spec: Spec) -> list[str]:
    return [f"{each.path} {each.message}" for each in spec.notices]


def test_several_are_in_the_order_written_each_with_its_direction() -> None:
    spec = loads(metrics("{MSE: {}, topk: 1}"))
    metric, criterion = spec.evaluation.metric, spec.evaluation.criterion
    names = [type(each).__name__ for each in getattr(metric, "metrics", ())]
    assert names == ["MSE", "TopK"]
    assert criterion is not None and criterion.higher_is_better == (False, True)
    assert not said(spec) or all("runtime" in each for each in said(spec))


def test_a_weighted_mean_has_one_direction_and_what_means_little_is_noted() -> None:
    text = "{MSE: {}, topk: 1, weight: [1, 2], higher_is_better: [false, true]}"
    spec = loads(metrics(text))
    criterion = spec.evaluation.criterion
    assert criterion is not None and criterion.higher_is_better is True
    notes = said(spec)
    assert any("multi_metrics.weight makes one mean of metrics" in n for n in notes)
    assert any("higher_is_better has no effect beside weight" in n for n in notes)
    lower = loads(metrics("{MSE: {}, MAE: {}, weight: [1, 2]}")).evaluation.criterion
    assert lower is not None and lower.higher_is_better is False
    stated = loads(metrics("{MSE: {}, topk: 1}", criterion="{higher_is_better: true}"))
    assert any("each of multi_metrics has its own direction" in n for n in said(stated))
