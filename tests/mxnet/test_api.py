"""The Python API on MXNet models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import Project
from snippets import SNIPPETS, run_snippet, write_conf, write_data

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
    # Without data, a symbol must say what it takes.
    symbol = block(mx.sym.var("data", shape=(0, *SHAPE)))
    symbol.save(str(tmp_path / "model-symbol.json"))
    held = {f"arg:{k}": v.data() for k, v in block.collect_params().items()}
    mx.nd.save(str(tmp_path / "model-0000.params"), held)
    write_conf(tmp_path, "mxnet")
    return Project(tmp_path)


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    run_snippet(project, name, "'./model-symbol.json'", f"out/{name}-symbol.json")
    symbol, arguments, _states = mx.model.load_checkpoint(
        str(project.folder / "out" / name), 0
    )
    assert "amp_cast" in symbol.tojson()
    assert arguments
