"""Evaluation and fleets on Ray's local cluster (`make nightly`)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from clustered import Clustered
from ray import cloudpickle
from vendored import SETTLED, Elsewhere

from narrowcast.fleet.sign import PATIENCE
from narrowcast.runtime.engines.ray import _called


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Clustered:
    return Clustered.make(tmp_path_factory.mktemp("example"))


def test_a_cluster_finds_what_one_process_finds(example: Clustered) -> None:
    example.check_evaluation("ray")


def test_a_fleet_outlives_a_worker(example: Clustered) -> None:
    example.check_fleet("ray")


def test_a_script_with_a_copy_needs_narrowcast_nowhere(
    example: Clustered, tmp_path: Path
) -> None:
    generate = ("-m", "narrowcast", "generate", "one.yaml")
    assert example.ran(*generate).returncode == 0
    expected = example.converted("one")[:2]
    assert example.ran(*generate, "--vendor").returncode == 0
    (example.folder / "one.plan.json").unlink()
    elsewhere = Elsewhere.make(tmp_path / "elsewhere")
    script = str(example.folder / "convert_one.py")
    done = elsewhere.python(script, *SETTLED, "--on", "ray")
    assert done.returncode == 0, done.stderr
    assert "loaded in the workers" in done.stderr
    assert example.made("one") == expected
    assert example.ran(*generate, "--no-vendor").returncode == 0


def test_what_carries_a_call_is_found_without_a_runtime(tmp_path: Path) -> None:
    """Ray gives its workers the folder of a script, but of none that goes by its client."""
    sent = tmp_path / "sent"
    sent.write_bytes(cloudpickle.dumps(_called))
    read = f"import pickle; made = pickle.load(open({str(sent)!r}, 'rb'))"
    call = "print(made(int, ('12',), {'base': 8}))"
    done = Elsewhere.make(tmp_path / "elsewhere").python("-c", f"{read}; {call}")
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_a_fleet(example: Clustered, number: signal.Signals) -> None:
    example.check_end("ray", number, 60 + PATIENCE)
