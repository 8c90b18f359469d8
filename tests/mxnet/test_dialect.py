"""Specs in Neural Compressor's dialect run, where tests can make their model and data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from documents import document
from project import Project

from narrowcast.runtime.frameworks.mxnet.ir.library import mx

METRIC = """\
class Recall:
    def __init__(self, k):
        self.k, self.hits = k, []

    def update(self, predictions, labels):
        best = predictions.argsort(-1)[:, -self.k :]
        self.hits += [label in row for label, row in zip(labels, best)]

    def reset(self):
        self.hits = []

    def result(self):
        return sum(self.hits) / len(self.hits)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    random = np.random.default_rng(0)
    weight = random.standard_normal((20, 8)).astype(np.float32)
    symbol = mx.sym.FullyConnected(
        mx.sym.var("data"), mx.sym.var("weight"), no_bias=True, num_hidden=20
    )
    symbol.save(str(tmp_path / "n-symbol.json"))
    mx.nd.save(str(tmp_path / "n.params"), {"arg:weight": mx.nd.array(weight)})
    rows = random.standard_normal((128, 8)).astype(np.float32)
    labels = (rows @ weight.T).argmax(-1)
    np.savez(tmp_path / "val.npz", data=rows, label=labels)
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "metrics.py").write_text(METRIC)
    return Project(tmp_path)


def test_a_metric_of_ones_own(project: Project) -> None:
    project.put(document("a metric of one's own").text)
    report = project.report()
    assert report["exit_code"] == 0
    assert report["judgement"]["baseline"]["value"] == 1.0


def test_random_samples_are_judged(project: Project) -> None:
    weight = np.random.default_rng(1).standard_normal((1, 8)).astype(np.float32)
    symbol = mx.sym.FullyConnected(
        mx.sym.var("data"), mx.sym.var("weight"), no_bias=True, num_hidden=1
    )
    symbol.save(str(project.folder / "ranks-symbol.json"))
    parameters = {"arg:weight": mx.nd.array(weight)}
    mx.nd.save(str(project.folder / "ranks-0000.params"), parameters)
    project.put(document("mxnet: metric RMSE over random samples").text)
    report = project.report()
    assert report["exit_code"] == 0
    assert report["flops_low"] == report["flops"] > 0
    assert report["judgement"]["result"]["metric"] == "RMSE"
    assert report["judgement"]["result"]["samples"] == 1000
