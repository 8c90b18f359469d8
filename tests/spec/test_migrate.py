"""`narrowcast migrate`: the same spec in today's words, and the user's file as it was."""

from pathlib import Path

import pytest
from documents import DOCUMENTS, Document
from typer.testing import CliRunner, Result

from narrowcast.cli import app
from narrowcast.spec import SpecError, canonical, loads
from narrowcast.spec.migration import migrated
from narrowcast.spec.reading.compose import compose

CASES = Path(__file__).parent.parent / "cases"
OWN = [
    Document(path.parent.name, path.read_text("utf-8"), "")
    for path in sorted(CASES.glob("*/spec.yaml"))
    if not path.parent.name.startswith("refused")
]
OLD = """\
# Ours since 2021.
model:
  name: net  # the small one
  framework: pytorch_fx
  inputs: [{name: x, shape: [batch, 4]}]
device: gpu
# What a quantizer wants.
quantization:
  approach: post_training_static_quant
  op_wise:
    fc: {activation: {dtype: [fp32], algorithm: minmax}}
    conv: {activation: {dtype: [int8]}}
evaluation:
  accuracy:
    metric: {topk: "1"}
    dataloader:
      batch_size: 8
      dataset: {dummy: {shape: [8, 4]}}
tuning:
  accuracy_criterion: {relative: 1%}
  objective: performance
  tensorboard: true
"""
NEW = """\
# Written by `narrowcast migrate old.yaml`: changes have comments.
# To run it: narrowcast run NEW.yaml --model PATH
# Ours since 2021.
model:
  name: net  # the small one
  framework: pytorch  # was pytorch_fx
  inputs: [{name: x, shape: [batch, 4]}]
device: cuda  # was gpu
# What a quantizer wants.
mixed_precision:
  precisions: bf16  # the default
  op_wise:  # was quantization.op_wise
    fc: {activation: {dtype: [fp32]}}
    # quantization.op_wise.fc.activation.algorithm is about int8, not about 16 bits
    #   algorithm: minmax
# quantization.approach is about int8, not about 16 bits
#   approach: post_training_static_quant
# quantization.op_wise stands under mixed_precision now
# quantization.op_wise.conv is about int8, not about 16 bits
#   conv: {activation: {dtype: [int8]}}
evaluation:
  accuracy:
    metric:
      topk: 1  # was '1'
    dataloader:
      batch_size: 8
      dataset: {dummy: {shape: [8, 4]}}
tuning:
  accuracy_criterion:
    relative: 0.01  # was '1%'
  objective: latency  # was performance
  # tuning.tensorboard has no effect here
  #   tensorboard: true
  exit_policy:
    max_trials: 20  # in Neural Compressor it is 100
"""


def _meaning(text: str, framework: str = "") -> str:
    """The canonical form; a pin's key is where it was written, not what it means."""
    return canonical(loads(text, framework=framework)).replace(
        "quantization.op", "mixed_precision.op"
    )


def _migrated(text: str, framework: str = "") -> str:
    return migrated(compose(text, "old.yaml"), framework)


def test_text() -> None:
    assert _migrated(OLD) == NEW


@pytest.mark.parametrize("document", [*OWN, *DOCUMENTS], ids=lambda each: each.name)
def test_same_meaning_without_notes_of_what_changed(document: Document) -> None:
    new = _migrated(document.text, document.framework)
    assert _meaning(new) == _meaning(document.text, document.framework)
    changed = ("no effect", "int8", "is not written", "converted on the CPU")
    for notice in loads(new).notices:
        assert not any(each in notice.message for each in changed), notice


@pytest.mark.parametrize("document", [*OWN, *DOCUMENTS], ids=lambda each: each.name)
def test_migrating_again_changes_nothing(document: Document) -> None:
    def keys(text: str) -> list[str]:
        lines = text.splitlines()
        kept = (line for line in lines if not line.lstrip().startswith("#"))
        return [line.partition("  # ")[0] for line in kept]

    once = _migrated(document.text, document.framework)
    assert keys(_migrated(once)) == keys(once)


def test_every_key_is_there_or_named_in_a_comment() -> None:
    for document in DOCUMENTS:
        new = _migrated(document.text, document.framework)
        for key in _keys(document.data):
            assert key in new, (document.name, key)


def _keys(data: object) -> set[str]:
    if isinstance(data, dict):
        return set(data) | {key for each in data.values() for key in _keys(each)}
    return (
        {key for each in data for key in _keys(each)}
        if isinstance(data, list)
        else set()
    )


def test_comments_of_the_user_stay_in_their_order() -> None:
    text = (
        "# 1\nmodel:  # 2\n  # 3\n  name: n\n  framework: onnx\n  path: a.onnx # 4\n"
        "# 5\ntuning:\n  # 6\n  tensorboard: true  # 7\n  random_seed: 3 # 8\n# 9\n"
    )
    lines = (line.partition("# ")[2] for line in _migrated(text).splitlines())
    assert [line for line in lines if line.isdecimal()] == list("123456789")


def test_aliases_are_written_out() -> None:
    text = (
        "model: {name: n, framework: onnx, path: a.onnx}\n"
        "mixed_precision: {op_wise: {a: &p {activation: {dtype: [fp32]}}, b: *p}}\n"
        "quantization: {op_wise: {c: {<<: *p}}}\n"
    )
    new = _migrated(text)
    assert "&" not in new
    assert _meaning(new) == _meaning(text)


def test_what_both_sections_demand_of_an_op_stays_where_it_is() -> None:
    text = (
        "model: {name: n, framework: onnx, path: a.onnx}\n"
        "mixed_precision: {op_wise: {a: {activation: {dtype: [bf16]}}}}\n"
        "quantization: {op_wise: {a: {activation: {dtype: [fp32]}}}}\n"
    )
    assert _meaning(_migrated(text)) == _meaning(text)


def test_texts_are_quoted_where_they_must_be() -> None:
    names = [
        "yes",
        "1e3",
        "a: b",
        "#a",
        "'",
        '"',
        "a\\b",
        " a",
        "~",
        "é",
        "*",
        "a\u2028b",
    ]
    for name in names:
        key = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)
        key = (
            '"'
            + (key if key != name else key.replace("\\", "\\\\")).replace('"', '\\"')
            + '"'
        )
        text = (
            "model: {name: n, framework: onnx, path: a.onnx}\n"
            f"mixed_precision: {{optype_wise: {{{key}: {{activation: {{dtype: fp32}}}}}}}}\n"
        )
        assert _meaning(_migrated(text)) == _meaning(text)


def test_what_is_wrong_is_said_as_ever() -> None:
    with pytest.raises(SpecError) as caught:
        _migrated("model: {name: n, framework: caffe}\ntunning: {}\n")
    assert len(caught.value.diagnostics) == 2


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old.yaml").write_text(OLD)
    return Path("old.yaml")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["migrate", *arguments])


def test_it_is_printed(old: Path) -> None:
    done = _run("old.yaml")
    assert (done.exit_code, done.stdout) == (0, NEW)
    assert (sorted(Path().iterdir()), old.read_text()) == ([old], OLD)


def test_it_is_written(old: Path) -> None:
    done = _run("old.yaml", "-o", "new one.yaml")
    assert (done.exit_code, done.stdout) == (0, "wrote new one.yaml\n")
    assert Path("new one.yaml").read_text() == NEW.replace("NEW.yaml", "'new one.yaml'")
    assert _run("old.yaml", "-o", "new one.yaml").stdout == "unchanged: new one.yaml\n"
    assert old.read_text() == OLD


def test_a_file_that_is_there_is_left_alone_without_force(old: Path) -> None:
    new = Path("new.yaml")
    new.write_text("mine\n")
    done = _run("old.yaml", "-o", "new.yaml")
    assert (done.exit_code, new.read_text()) == (2, "mine\n")
    assert "--force" in done.stderr
    assert _run("old.yaml", "-o", "new.yaml", "--force").exit_code == 0
    assert new.read_text().startswith("# Written by `narrowcast migrate old.yaml`")


def test_the_old_file_is_never_changed(old: Path) -> None:
    Path("link.yaml").symlink_to("old.yaml")
    for name in ("old.yaml", "./old.yaml", "link.yaml"):
        done = _run("old.yaml", "-o", name, "--force")
        assert done.exit_code == 2
        assert "never changed" in done.stderr
    assert old.read_text() == OLD


def test_a_spec_that_is_wrong_is_refused(old: Path) -> None:
    old.write_text(OLD.replace("objective", "objectiv"))
    done = _run("old.yaml", "-o", "new.yaml")
    assert done.exit_code == 2
    assert "did you mean `objective`?" in done.stderr
    assert not Path("new.yaml").exists()


OPEN = "model: {name: n%s}\ndevice: gpu\ntuning: {exit_policy: {timeout: 0}}\n"


@pytest.mark.parametrize(
    ("framework", "line"),
    [
        ("keras", "tensorflow  # was keras"),
        ("inteltensorflow", "tensorflow  # was inteltensorflow"),
        ("NA", "NA  # --framework tells it, or the ending of --model"),
    ],
)
def test_every_name_of_a_framework_is_translated(framework: str, line: str) -> None:
    new = _migrated(OPEN % f", framework: {framework}")
    assert f"  framework: {line}\n" in new


def test_a_frameworks_name_in_a_list_is_said_to_be_wrong() -> None:
    with pytest.raises(SpecError):
        _migrated(OPEN % ", framework: [keras]")


@pytest.mark.parametrize("written", [", framework: NA", ""])
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet", "onnx"])
def test_a_framework_that_is_open_stays_open(framework: str, written: str) -> None:
    old = OPEN % written
    new = _migrated(old)
    assert "narrowcast run NEW.yaml --framework NAME --model PATH" in new
    assert "NAME: pytorch, tensorflow, mxnet, onnx; the ending of --model" in new
    assert _meaning(new, framework) == _meaning(old, framework)
    assert "device: gpu\n" in new
    assert "runtime" not in new


def test_an_open_framework_that_the_spec_narrows() -> None:
    new = _migrated("model: {name: n, framework: NA, signature: s}\n")
    assert "# NAME: tensorflow; " in new
    assert (
        "framework: NA  # --framework tells it, or the ending of --model: tens" in new
    )


def test_what_is_valid_for_no_framework_is_refused() -> None:
    with pytest.raises(SpecError):
        _migrated("model: {name: n, framework: NA, signature: s, runtime: any}\n")


def test_what_no_timeout_meant_is_said() -> None:
    new = _migrated(OPEN % ", framework: onnx")
    assert (
        "    timeout: 0  # no limit; in Neural Compressor the first trial that passes ends "
        "the search\n"
    ) in new
    assert "timeout" not in _migrated("model: {name: n, framework: onnx}\n")


@pytest.mark.parametrize("section", ["", "mixed_precision:\n", "mixed_precision: {}\n"])
def test_precisions_are_written(section: str) -> None:
    new = _migrated(f"model: {{name: n, framework: onnx}}\n{section}")
    assert "  precisions: bf16  # the default\n" in new


@pytest.mark.parametrize("framework", ["keras", "onnxrt_qdq", "pytorch_fx", "mxnet"])
def test_strict_has_nothing_to_say_of_what_is_migrated(
    old: Path, framework: str
) -> None:
    old.write_text(
        f"model: {{name: n, framework: {framework}}}\ndevice: gpu\n"
        "quantization: {approach: x, calibration: {sampling_size: 5}, model_wise: "
        "{weight: {bit: 7}}, op_wise: {a: {activation: {dtype: fp32, scheme: sym}}}}\n"
        "evaluation: {performance: {warmup: 3}, accuracy: {configs: "
        "{num_of_instance: 3}, dataloader: {shuffle: true, batch_size: '3'}}}\n"
        "tuning: {strategy: {name: x}, exit_policy: {timeout: 0}, workspace: {path: a}}\n"
    )
    assert _run("old.yaml", "-o", "new.yaml").exit_code == 0
    done = CliRunner().invoke(app, ["validate", "new.yaml", "--strict"])
    assert (done.exit_code, done.stderr) == (0, "")
