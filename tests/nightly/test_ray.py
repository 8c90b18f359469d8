"""Evaluation and fleets on Ray's local cluster (`make nightly`)."""

from __future__ import annotations

import signal

import pytest
from clustered import Clustered

from narrowcast.fleet.sign import PATIENCE


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Clustered:
    return Clustered.make(tmp_path_factory.mktemp("example"))


def test_a_cluster_finds_what_one_process_finds(example: Clustered) -> None:
    example.check_evaluation("ray")


def test_a_fleet_outlives_a_worker(example: Clustered) -> None:
    example.check_fleet("ray")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_a_fleet(example: Clustered, number: signal.Signals) -> None:
    example.check_end("ray", number, 60 + PATIENCE)
