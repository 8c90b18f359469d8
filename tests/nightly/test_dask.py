"""Evaluation and fleets on Dask's local cluster (`make nightly`)."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clustered import Clustered
from distributed import LocalCluster
from vendored import SETTLED, Elsewhere

from narrowcast.fleet.sign import PATIENCE

BARE = """\
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as it:
        print(it.scheduler_address, flush=True)
        input()
"""
"""A cluster that ends with its standard input."""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Clustered:
    return Clustered.make(tmp_path_factory.mktemp("example"))


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Two workers in processes of their own, which are begun again when they die."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        local_directory=str(tmp_path),
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp://", "dask://")


def test_a_cluster_finds_what_one_process_finds(example: Clustered, on: str) -> None:
    example.check_evaluation(on)


def test_a_fleet_outlives_a_worker(example: Clustered, on: str) -> None:
    example.check_fleet(on)


def test_a_script_with_a_copy_needs_narrowcast_nowhere(
    example: Clustered, tmp_path: Path
) -> None:
    """Nor does the scheduler; each run's copy is its own, in a worker that had another's."""
    assert example.ran("-m", "narrowcast", "generate", "one.yaml").returncode == 0
    expected = example.converted("one")[:2]
    elsewhere = Elsewhere.make(tmp_path / "elsewhere")
    copied = [shutil.copytree(example.folder, tmp_path / name) for name in "ab"]
    for folder in copied:
        there = Clustered(folder)
        (folder / "one.plan.json").unlink()
        vendored = there.ran("-m", "narrowcast", "generate", "one.yaml", "--vendor")
        assert vendored.returncode == 0, vendored.stderr
    cluster = tmp_path / "cluster.py"
    cluster.write_text(BARE, "utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    bare = (elsewhere.folder / "bin/python", "-I", cluster)
    with subprocess.Popen(bare, **pipes, text=True, cwd=tmp_path) as process:
        assert process.stdin is not None and process.stdout is not None
        on = process.stdout.readline().strip().replace("tcp://", "dask://")
        for folder in copied:
            done = elsewhere.python(
                str(folder / "convert_one.py"), *SETTLED, "--on", on
            )
            assert done.returncode == 0, done.stderr
            assert "loaded in the workers" in done.stderr
            assert Clustered(folder).made("one") == expected
        process.stdin.close()


def test_a_scheduler_that_is_not_there_is_a_requirement(example: Clustered) -> None:
    done = example.ran(
        "-m", "narrowcast", "run", "one.yaml", "--on", "dask://localhost:9"
    )
    assert done.returncode == 3
    assert "no Dask scheduler answers at localhost:9" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_a_fleet(
    example: Clustered, on: str, number: signal.Signals
) -> None:
    """Nobody tells a worker of Dask's that the command was killed: it is silent."""
    example.check_end(on, number, 60 + PATIENCE)
