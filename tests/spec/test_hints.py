"""A key in the wrong place is told where it stands; no hint says what was written."""

import pytest

from narrowcast.spec import SpecError, loads

MODEL = """\
model:
  name: net
  framework: pytorch
  factory: pkg.net:make
  inputs: [{name: x, shape: [batch, 4]}]
"""
DATA = "evaluation: {accuracy: {metric: {topk: 1}, dataloader: {dataset: DATASET}}}\n"


def hints(text: str) -> dict[str, str]:
    """Path → hint of every mistake."""
    with pytest.raises(SpecError) as caught:
        loads(text)
    return {each.path: each.hint for each in caught.value.diagnostics}


ELSEWHERE = [
    ("accuracy_criterion: {relative: 0.1}", "tuning"),
    ("metric: {topk: 1}", "evaluation.accuracy"),
    ("precisions: bf16", "mixed_precision"),
    ("op_wise: {}", "mixed_precision` or `quantization"),
    ("timeout: 5", "tuning.exit_policy"),
    ("shape: [1]", "model.inputs"),
    ("path: a.pt2", "model"),
    ("tuning: {max_trials: 5}", "exit_policy"),
    ("tuning: {metric: {topk: 1}}", "evaluation.accuracy"),
    ("mixed_precision: {op_wise: {fc: {dtype: [fp32]}}}", "activation` or `weight"),
    (DATA.replace("DATASET", "{path: a.npz}"), "npz` or `csv` or `parquet"),
]


@pytest.mark.parametrize(("written", "parents"), ELSEWHERE)
def test_key_of_another_section(written: str, parents: str) -> None:
    said = hints(f"{MODEL}{written}\n")
    assert any(hint.endswith(f" stands under `{parents}`") for hint in said.values()), (
        said
    )


def test_close_spelling_in_the_section_wins() -> None:
    assert hints(f"{MODEL}tuning: {{execution_policy: {{}}}}\n") == {
        "tuning.execution_policy": "did you mean `exit_policy`?"
    }
    # `input_names` is no key; `inputs` is one of model and of npz.
    assert hints(MODEL.replace("inputs:", "input:"))["model.input"] == (
        "did you mean `inputs`?"
    )


def test_close_spelling_of_another_section() -> None:
    assert hints(f"{MODEL}tuning: {{max_trails: 3}}\n") == {
        "tuning.max_trails": "did you mean `max_trials` under `exit_policy`?"
    }


@pytest.mark.parametrize(
    "table",
    ["mixed_precision.optype_wise", "quantization.op_wise", "quantization.optype_wise"],
)
@pytest.mark.parametrize("key", ["activation", "weight"])
def test_op_without_its_name(table: str, key: str) -> None:
    section, kind = table.split(".")
    said = hints(f"{MODEL}{section}: {{{kind}: {{{key}: {{dtype: [fp32]}}}}}}\n")
    assert said == {
        f"{section}.{kind}.{key}": (
            f"{kind}: {{NAME: {{{key}: {{dtype: [fp32]}}}}}}; if `{key}` is that name, "
            "write activation or weight below it"
        )
    }


@pytest.mark.parametrize("key", ["activation", "weight"])
def test_op_without_its_name_where_neural_compressor_has_none(key: str) -> None:
    written = f"mixed_precision: {{op_wise: {{{key}: {{dtype: [fp32]}}}}}}\n"
    spec = loads(f"{MODEL}{written}")
    path = f"mixed_precision.op_wise.{key}.dtype"
    (said,) = (each for each in spec.notices if each.path == path)
    assert "op_wise: {NAME: {activation: {dtype: [fp32]}}}" in said.message
    assert not spec.pins.names


@pytest.mark.parametrize(
    "name", ["activation", "dtype", "op_wise", "inputs", "version"]
)
def test_ops_may_be_called_like_keys(name: str) -> None:
    op = "{activation: {dtype: [fp32]}}"
    loads(f"{MODEL}mixed_precision: {{op_wise: {{{name}: {op}}}}}\n")
    wrong = op.replace("dtype", "dtyp")
    assert hints(f"{MODEL}mixed_precision: {{op_wise: {{{name}: {wrong}}}}}\n") == {
        f"mixed_precision.op_wise.{name}.activation.dtyp": "did you mean `dtype`?"
    }


@pytest.mark.parametrize(
    "written",
    [
        "mixed_precision: {op_wise: {activation: {dtype: [fp32]}}}",
        "mixed_precision: {op_wise: {dtype: {dtype: [fp32]}}}",
        "mixed_precision: {op_wise: {op_wise: {op_wise: {}}}}",
        "quantization: {quantization: {}}",
        "tuning: {tuning: {tuning: 1}}",
    ],
)
def test_no_hint_proposes_what_was_written(written: str) -> None:
    for path, hint in hints(f"{MODEL}{written}\nzzqx: 1\n").items():
        assert f"did you mean `{path.split('.')[-1]}`?" not in hint


def test_what_is_misspelt_is_not_missed() -> None:
    said = hints(MODEL.replace("inputs:", "inptus:").replace("factory:", "factry:"))
    assert list(said) == ["model.factry", "model.inptus"]


def test_rules_between_sections_run_beside_mistakes() -> None:
    said = hints(
        "model: {name: m, framework: tensorflow, path: m.onnx, inpts: []}\n"
        "device: gpu\ntunning: {}\nmixed_precision: {op_wise: {a: {}}}\n"
        "tuning: {execution: compile, error_rate: 2}\n"
    )
    # The device is a note: what is written is told in the same run.
    assert list(said) == [
        "model.path",
        "model.inpts",
        "device",
        "tunning",
        "mixed_precision.op_wise.a",
        "tuning.execution",
        "tuning.error_rate",
    ]
