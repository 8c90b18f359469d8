"""`narrowcast explain`: by its look, a key, a code, a spec or a plan."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from narrowcast.cli import app

ROOT = Path(__file__).parents[2]
MNIST = ROOT / "examples/mnist"


def explain(*arguments: str, given: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["explain", *arguments], input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_key() -> None:
    result = explain("mixed_precision.precisions")
    assert result.exit_code == 0
    assert "fp32 is always allowed besides" in result.stdout
    found = json.loads(explain("mixed_precision.precisions", "--json").stdout)
    assert found["type"].startswith("one of fp32, bf16, fp16")


def test_a_key_of_several_sections_is_explained_in_each() -> None:
    result = explain("topk")
    assert result.exit_code == 0
    both = [f"evaluation.accuracy.{each}.topk" for each in ("metric", "multi_metrics")]
    rows = result.stdout.splitlines()
    assert rows[0] == "`topk` is a key of 2 sections:"
    assert rows[2:6:2] == both
    assert (
        rows[3]
        == rows[5]
        == "  an integer: Share of samples whose label is among the k largest outputs."
    )
    assert rows[-1] == f"narrowcast explain {both[0]} says all of one."
    found = json.loads(explain("topk", "--json").stdout)["keys"]
    assert [each["path"] for each in found] == both
    whole = json.loads(explain(both[0], "--json").stdout)
    assert whole == found[0]


def test_each_of_many_keys_is_a_path_and_a_line() -> None:
    rows = explain("root").stdout.splitlines()[2:-2]
    assert len(rows) > 20
    for path, said in zip(rows[::2], rows[1::2], strict=True):
        assert path.endswith(".root") and " " not in path
        assert said.startswith("  text") and said.endswith(".")


def test_a_spec() -> None:
    result = explain(str(MNIST / "mnist.yaml"))
    assert result.exit_code == 0
    assert result.stdout == (
        "mnist_cnn is a PyTorch model that mnist_cnn:build makes, with the weights in "
        "data/mnist_cnn.pth. It is converted on the CPU.\n"
        "It takes image (batch, 1, 28, 28) of float32. Its outputs are logits.\n"
        "It is converted to bf16: the rest stays fp32. As many FLOPs as the accuracy "
        "allows go to 16 bits.\n"
        "The data is Csv of data/mnist_5k.csv.gz, in batches of 64. Samples go through "
        "Rescale, then Normalize.\n"
        "What judges is TopK. The result may lose 0.001 of fp32's accuracy, absolute.\n"
        "The search takes 20 trials at most.\n"
        "The script is convert_mnist_cnn.py.\n"
    )
    assert (
        explain("-", given=(MNIST / "mnist.yaml").read_text()).stdout == result.stdout
    )


def test_a_plan() -> None:
    result = explain(str(MNIST / "mnist_cnn.plan.json"))
    assert result.exit_code == 0
    assert "No op that could be in 16 bits stayed fp32." in result.stdout


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("no.such.key", "there is no key"),
        ("missing.yaml", "missing.yaml: error[NC101]: no such file"),
        ("missing.plan.json", "missing.plan.json can't be read"),
        ("NC999999", "no error has the code NC999999"),
        ("nc999999", "no error has the code NC999999"),
    ],
)
def test_what_is_nothing(subject: str, said: str) -> None:
    result = explain(subject)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
