"""The Python API on MXNet models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project import Project
from snippets import SNIPPETS, run_snippet, write_conf, write_data

from narrowcast import MixedPrecision, common
from narrowcast.runtime.common.errors import NarrowcastError
from narrowcast.runtime.frameworks.mxnet.ir.library import mx

SHAPE = (3, 8, 8)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    block = mx.gluon.nn.HybridSequential()
    block.add(mx.gluon.nn.Conv2D(8, 3, activation="relu"), mx.gluon.nn.Dense(4))
    mx.random.seed(0)
    block.initialize(mx.init.Normal(0.2))
    block.hybridize()
    write_data(tmp_path, lambda images: block(mx.nd.array(images)).asnumpy(), SHAPE)
    block.export(str(tmp_path / "model"))
    write_conf(tmp_path, "mxnet")
    return Project(tmp_path)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    run_snippet(project, name, "'./model-symbol.json'", f"out/{name}-symbol.json")
    symbol, arguments, _states = mx.model.load_checkpoint(
        str(project.folder / "out" / name), 0
    )
    assert "amp_cast" in symbol.tojson()
    assert arguments


class Right:
    """A metric that has NumPy's arrays, as it had in Neural Compressor."""

    def __init__(self) -> None:
        self.reset()

    def update(self, sample: Any) -> None:
        predictions, labels = sample
        self.hits.extend((predictions.argmax(-1) == labels).tolist())

    def reset(self) -> None:
        self.hits: list[bool] = []

    def result(self) -> float:
        return float(np.mean(self.hits))


def test_a_block_and_a_loader_of_gluon(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And mx.io's iterators, which start anew by reset()."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("FORCE_BF16", "1")
    archive = np.load("data.npz")
    images, labels = archive["x"], archive["y"]
    block = mx.gluon.SymbolBlock.imports(
        "model-symbol.json", ["data"], "model-0000.params"
    )
    dataset = mx.gluon.data.ArrayDataset(images, labels)
    for data in (
        mx.gluon.data.DataLoader(dataset, batch_size=16),
        mx.io.NDArrayIter(images, labels, batch_size=20),
    ):
        converter = MixedPrecision()
        converter.model = block
        converter.metric = common.Metric(Right)
        converter.eval_dataloader = data
        result = converter()
        assert result.report.judgement is not None
        assert result.report.judgement.baseline.value == 1.0
        assert result.report.judgement.baseline.samples == 48
        assert result.report.ops_low > 0
        assert isinstance(result.model, mx.gluon.Block)


def test_fp16_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """3. Theirs exited with 0."""
    monkeypatch.chdir(project.folder)
    converter = MixedPrecision()
    converter.model, converter.precisions = "model-symbol.json", "fp16"
    with pytest.raises(NarrowcastError, match="fp16") as refused:
        converter()
    assert isinstance(refused.value, SystemExit)
    assert refused.value.code in (2, 3)
