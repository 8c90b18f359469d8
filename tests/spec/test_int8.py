"""int8 beside 16 bits: who may ask for it, what then has a meaning, and what is said."""

from typing import Any

import pytest

from narrowcast.spec import Spec, SpecError, canonical, loads
from narrowcast.spec.quantization import Integers, Sides
from narrowcast.spec.reference.words import in_words
from narrowcast.spec.spec import Pin, Pins

MODEL = "model: {name: n, framework: onnx, path: a.onnx, runtime: %s}\n"
ASKED = MODEL % "openvino" + "mixed_precision: {precisions: [int8, bf16]}\n"
ASKING = ": precisions: [int8, bf16] asks for it"


def errors(text: str) -> list[tuple[str, str, str]]:
    """Path, message and hint of what is wrong."""
    with pytest.raises(SpecError) as caught:
        loads(text)
    found = (e for e in caught.value.diagnostics if e.severity == "error")
    return [(each.path, each.message, each.hint) for each in found]


def notes(text: str) -> dict[str, str]:
    """Path → message of all notes but for what is not written."""
    found = loads(text).notices
    return {e.path: e.message for e in found if "is not written" not in e.message}


def quantization(text: str) -> Any:
    """How int8 is made, of a section in flow style."""
    return loads(f"{ASKED}quantization: {text}").quantization


@pytest.mark.parametrize(
    ("runtime", "precisions", "lows"),
    [
        ("openvino", "[int8, bf16]", ("bf16",)),
        ("openvino", "'bf16, int8, fp32'", ("bf16",)),
        ("openvino", "[int8, fp16]", ("fp16",)),
        ("onnxruntime", "[int8, fp16]", ("fp16",)),
        ("~", "[int8, bf16]", ("bf16",)),
    ],
)
def test_it_stands_beside_one_precision(
    runtime: str, precisions: str, lows: tuple[str, ...]
) -> None:
    spec = loads(MODEL % runtime + f"mixed_precision: {{precisions: {precisions}}}")
    assert spec.precisions == lows
    assert spec.quantization is not None


def test_mxnet_has_it_beside_bf16() -> None:
    model = "model: {name: n, framework: mxnet, factory: a:b}\n"
    spec = loads(model + "mixed_precision: {precisions: [int8, bf16]}")
    assert spec.precisions == ("bf16",) and spec.quantization is not None


def test_its_runtime_is_that_of_the_16_bits() -> None:
    def runtime(precisions: str) -> str | None:
        text = MODEL % "~" + f"mixed_precision: {{precisions: {precisions}}}"
        return loads(text).model.runtime

    assert runtime("[int8, bf16]") == "openvino"
    assert runtime("[int8, fp16]") == "onnxruntime"


@pytest.mark.parametrize(
    ("model", "precisions", "message", "hint"),
    [
        (
            "framework: pytorch, path: a.pt2",
            "[int8, bf16]",
            "PyTorch runs int8 kernels compiled only: eager, they are floats between "
            "roundings, slower than fp32",
            "tuning.execution: compile",
        ),
        (
            "framework: tensorflow, path: a.pb",
            "[int8, fp16]",
            "TensorFlow's int8 kernels leave their floats in bf16, or in fp32",
            "precisions: [int8, bf16]",
        ),
        (
            "framework: onnx, path: a.onnx, runtime: tensorrt",
            "[int8, fp16]",
            "int8 is written for what runs here so far: its ranges and kernels are tried",
            "model.runtime: openvino or onnxruntime",
        ),
        (
            "framework: onnx, path: a.onnx",
            "int8",
            "int8 alone: ops that can't be quantized have no precision to go to",
            "precisions: [int8, bf16]",
        ),
        (
            "framework: onnx, path: a.onnx, runtime: openvino",
            "[int8, fp32]",
            "int8 alone: ops that can't be quantized have no precision to go to",
            "precisions: [int8, bf16]",
        ),
        (
            "framework: onnx, path: a.onnx, runtime: openvino",
            "[int8, bf16, fp16]",
            "int8 stands beside one 16-bit precision, and there are two",
            "precisions: [int8, bf16]",
        ),
    ],
)
def test_it_is_refused(model: str, precisions: str, message: str, hint: str) -> None:
    text = f"model: {{name: n, {model}}}\nmixed_precision: {{precisions: {precisions}}}"
    assert errors(text) == [("mixed_precision.precisions", message, hint)]


@pytest.mark.parametrize(
    ("precisions", "message"),
    [
        (
            "[int8, fp16]",
            "PyTorch's int8 kernels leave their floats in bf16, or in fp32",
        ),
        ("int8", "int8 alone: ops that can't be quantized have no precision to go to"),
        (
            "[int8, bf16, fp16]",
            "int8 stands beside one 16-bit precision, and there are two",
        ),
    ],
)
def test_compiled_pytorch_has_it_beside_bf16(precisions: str, message: str) -> None:
    text = (
        "model: {name: n, framework: pytorch, path: a.pt2}\n"
        "tuning: {execution: compile}\nmixed_precision: {precisions: %s}"
    )
    said = ("mixed_precision.precisions", message, "precisions: [int8, bf16]")
    assert errors(text % precisions) == [said]
    assert loads(text % "[int8, bf16]").quantization is not None


def test_tensorflow_has_it() -> None:
    text = "model: {name: n, framework: tensorflow, path: a.pb}\n"
    found = loads(text + "mixed_precision: {precisions: [int8, bf16]}")
    assert found.precisions == ("bf16",) and found.quantization is not None
    alone = "int8 alone: ops that can't be quantized have no precision to go to"
    hint = "precisions: [int8, bf16]"
    assert errors(text + "mixed_precision: {precisions: int8}") == [
        ("mixed_precision.precisions", alone, hint)
    ]


def test_uint8_is_no_precision() -> None:
    text = MODEL % "openvino" + "mixed_precision: {precisions: [uint8, bf16]}"
    ((path, _message, hint),) = errors(text)
    assert path == "mixed_precision.precisions[0]"
    assert hint.startswith("write int8")


def test_without_it_nothing_of_it_means_anything() -> None:
    plain = MODEL % "openvino" + "mixed_precision: {precisions: bf16}\n"
    text = plain + (
        "quantization: {approach: x, calibration: {sampling_size: [y]}, op_wise: "
        "{a: {activation: {dtype: [int8], scheme: z}}}, model_wise: {weight: {bit: 3}}}"
    )
    assert canonical(loads(text)) == canonical(loads(plain))
    assert notes(text) == {
        "quantization.approach": f"is about int8, not about 16 bits{ASKING}",
        "quantization.calibration": f"is about int8, not about 16 bits{ASKING}",
        "quantization.op_wise.a": "is about int8, not about 16 bits: dtype, scheme; "
        + ASKING[2:],
        "quantization.model_wise": "is about int8, not about 16 bits: bit; "
        + ASKING[2:],
    }


def test_defaults() -> None:
    how = quantization("~")
    assert (how.dynamic, how.samples, how.sides) == (False, 100, Sides())
    assert (how.types, how.names) == ({}, {})
    assert notes(ASKED) == {}


@pytest.mark.parametrize(
    ("written", "samples"),
    [
        ("50", 50),
        ("'50'", 50),
        ("50, 100", 50),
        ("50 100", 50),
        ("[300, 100]", 300),
        ("['7']", 7),
        ("~", 100),
    ],
)
def test_the_first_number_of_samples_counts(written: str, samples: int) -> None:
    text = f"{ASKED}quantization: {{calibration: {{sampling_size: {written}}}}}"
    if "," in written and "[" not in written:
        text = text.replace(written, f"'{written}'")
    how = loads(text).quantization
    assert how is not None and how.samples == samples


@pytest.mark.parametrize(
    "written", ["0", "-1", "0.5", "x", "[]", "[5, x]", "true", "{}"]
)
def test_samples_are_counted(written: str) -> None:
    text = f"{ASKED}quantization: {{calibration: {{sampling_size: {written}}}}}"
    ((path, message, hint),) = errors(text)
    assert path.startswith("quantization.calibration.sampling_size")
    assert message == "samples are counted: one number above 0, or several"
    assert hint == "sampling_size: 100"


def test_several_numbers_of_samples_are_noted() -> None:
    text = f"{ASKED}quantization: {{calibration: {{sampling_size: [50, 100]}}}}"
    assert notes(text)["quantization.calibration.sampling_size"].startswith(
        "takes the first, 50"
    )


@pytest.mark.parametrize(
    "approach", ["quant_aware_training", "post_training_auto_quant"]
)
def test_other_approaches_are_refused(approach: str) -> None:
    ((path, message, hint),) = errors(f"{ASKED}quantization: {{approach: {approach}}}")
    assert (path, message) == (
        "quantization.approach",
        f"`{approach}` can't be used here",
    )
    assert "post_training_static_quant" in hint


def test_dynamic_is_for_onnx_runtime() -> None:
    dynamic = "quantization: {approach: post_training_dynamic_quant}"
    how = loads(ASKED + dynamic).quantization
    assert how is not None and how.dynamic
    assert "OpenVINO runs" in notes(ASKED + dynamic)["quantization.approach"]
    other = MODEL % "onnxruntime" + "mixed_precision: {precisions: [int8, fp16]}\n"
    assert notes(other + dynamic) == {}


LOADER = "{dataset: {dummy: {shape: [8, %d]}}, transform: {%s}, batch_size: %d}"
STEPS = "Rescale: ~, Transpose: {perm: [1, 0]}"
TURNED = "Transpose: {perm: [1, 0]}, Rescale: ~"


@pytest.mark.parametrize(
    ("calibration", "own"),
    [
        (LOADER % (4, STEPS, 1), False),
        ("~", False),
        (LOADER % (5, STEPS, 8), True),
        (LOADER % (4, TURNED, 8), True),
        (LOADER % (4, "", 8), True),
    ],
)
def test_ranges_have_data_of_their_own_where_it_is_not_what_is_evaluated(
    calibration: str, own: bool
) -> None:
    text = (
        f"{ASKED}evaluation: {{accuracy: {{dataloader: {LOADER % (4, STEPS, 8)}}}}}\n"
        f"quantization: {{calibration: {{dataloader: {calibration}}}}}"
    )
    assert "quantization.calibration.dataloader" not in notes(text)
    assert (loads(text, "s.yaml").calibration is not None) is own


def test_a_loader_of_ranges_without_a_dataset_is_noted() -> None:
    text = f"{ASKED}quantization: {{calibration: {{dataloader: {{batch_size: 8}}}}}}\n"
    said = notes(text)["quantization.calibration.dataloader"]
    assert said.startswith("names no dataset: ranges are taken from data of evaluation")


def test_sides() -> None:
    how = quantization(
        "{model_wise: {activation: {dtype: [uint8, fp32], algorithm: kl}, "
        "weight: {granularity: [per_channel, per_tensor], scheme: sym}}, "
        "optype_wise: {Gemm: {weight: {granularity: [per_tensor]}}}, "
        "op_wise: {b: {activation: {dtype: [int8, uint8], algorithm: 'minmax, kl'}}, "
        "a: {weight: {dtype: int8, algorithm: [minmax, kl]}}, c: {weight: {bit: 8}}}}"
    )
    activation = Integers(dtype="uint8", algorithm="kl")
    assert how.sides == Sides(activation, Integers(scheme="sym"))
    assert how.types == {
        "Gemm": Sides(activation, Integers(scheme="sym", granularity="per_tensor"))
    }
    weight = Integers(dtype="int8", scheme="sym", algorithm="minmax")
    assert how.names == {"a": Sides(activation, weight)}


@pytest.mark.parametrize(
    ("side", "path", "message"),
    [
        ("activation: {scheme: sim}", "activation.scheme", "unknown value `sim`"),
        ("weight: {scheme: [sym, 3]}", "weight.scheme", "unknown value `3`"),
        (
            "weight: {granularity: {a: 1}}",
            "weight.granularity",
            "unknown value `{'a': 1}`",
        ),
        (
            "activation: {granularity: per_channel}",
            "activation.granularity",
            "per_channel can't be had here",
        ),
        ("weight: {algorithm: kl}", "weight.algorithm", "kl can't be had here"),
    ],
)
@pytest.mark.parametrize("place", ["model_wise", "optype_wise.a", "op_wise.a"])
def test_words_of_sides(side: str, path: str, message: str, place: str) -> None:
    kind, _, name = place.partition(".")
    op = f"{{{side}}}"
    section = f"{{{kind}: {f'{{{name}: {op}}}' if name else op}}}"
    ((at, said, hint),) = errors(f"{ASKED}quantization: {section}")
    assert at.startswith(f"quantization.{place}.{path}")
    assert said == message
    assert hint


def pins(text: str) -> Pins:
    spec: Spec = loads(f"{ASKED}quantization: {text}")
    return spec.pins


def test_lists_without_it_forbid_it() -> None:
    found = pins(
        "{optype_wise: {T: {activation: {dtype: [bf16, fp32]}}}, op_wise: {"
        "a: {activation: {dtype: [fp32]}}, b: {weight: {dtype: bf16}}, "
        "c: {activation: {dtype: [uint8, fp32]}, weight: {dtype: [int8]}}, "
        "d: {activation: {dtype: [uint8]}, weight: {dtype: [fp32]}}}}"
    )
    at = "quantization.op_wise"
    assert found.names == (Pin("a", f"{at}.a"), Pin("d", f"{at}.d"))
    assert found.types == ()
    assert found.int8 == Pins(
        types=(Pin("T", "quantization.optype_wise.T"),),
        names=(Pin("b", f"{at}.b"),),
        freed_names=("c",),
    )


def test_a_narrower_demand_frees_from_a_wider_one() -> None:
    found = pins(
        "{model_wise: {activation: {dtype: fp32}}, optype_wise: "
        "{T: {activation: {dtype: [bf16, fp32]}}, U: {activation: {dtype: [int8]}}}}"
    )
    assert found.everything == "quantization.model_wise"
    assert found.freed_types == ("T", "U")
    assert found.int8 == Pins(types=(Pin("T", "quantization.optype_wise.T"),))
    found = pins(
        "{model_wise: {activation: {dtype: [bf16, fp32]}}, "
        "optype_wise: {U: {activation: {dtype: [int8, bf16]}}}}"
    )
    assert found.everything == ""
    assert found.int8 == Pins(everything="quantization.model_wise", freed_types=("U",))


def test_what_forbids_it_is_not_said_to_pin_nothing() -> None:
    assert (
        notes(
            f"{ASKED}quantization: {{op_wise: {{a: {{activation: {{dtype: [bf16]}}}}}}}}"
        )
        == {}
    )


def test_it_is_told_in_words() -> None:
    text = (
        f"{ASKED}quantization: {{calibration: {{sampling_size: 7}}, "
        "optype_wise: {T: {activation: {dtype: [bf16, fp32]}}}, "
        "model_wise: {activation: {dtype: [bf16]}}}"
    )
    said = in_words(loads(text))
    assert "scales are computed from 7 samples." in said
    assert "No op goes to int8, but for those that are freed by type or name." in said
    assert "Ops of type or name T don't go to int8." in said


def test_what_has_no_effect_with_it_either_is_noted() -> None:
    text = (
        f"{ASKED}quantization: {{recipes: {{weight_correction: true}}, "
        "op_wise: {a: {weight: {bit: 3, scheme: sym}}}}"
    )
    assert notes(text) == {
        "quantization.recipes": "has no effect here",
        "quantization.op_wise.a": "has keys of no effect here: bit",
    }
