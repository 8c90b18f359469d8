"""Evaluation and fleets on Dask's local cluster (`make nightly`)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from clustered import Clustered
from distributed import LocalCluster

from narrowcast.fleet.sign import PATIENCE


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Clustered:
    return Clustered(tmp_path_factory.mktemp("example"))


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
