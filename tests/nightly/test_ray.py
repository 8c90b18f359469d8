"""Evaluation and fleets on Ray's local cluster (`make nightly`)."""

from __future__ import annotations

import pytest
from clustered import Clustered


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Clustered:
    return Clustered(tmp_path_factory.mktemp("example"))


def test_a_cluster_finds_what_one_process_finds(example: Clustered) -> None:
    example.check_evaluation("ray")


def test_a_fleet_outlives_a_worker(example: Clustered) -> None:
    example.check_fleet("ray")
