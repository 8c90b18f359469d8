"""What `narrowcast init` finds in symbols."""

from pathlib import Path

import mxnet as mx
from begun import begun

from narrowcast.looking.found import Tensor
from narrowcast.looking.look import look


def save(folder: Path) -> Path:
    """A net as export() writes it, with batch norm's states."""
    net = mx.gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(mx.gluon.nn.Dense(3, in_units=4), mx.gluon.nn.BatchNorm(in_channels=3))
    net.initialize()
    net.hybridize()
    net(mx.nd.ones((2, 4)))
    net.export(str(folder / "net"))
    return folder / "net-symbol.json"


def test_inputs_outputs_and_weights(tmp_path: Path) -> None:
    found = look(save(tmp_path))
    assert found.inputs == (Tensor("data"),)
    assert found.outputs == ("net_batchnorm0_fwd_output",)
    assert found.keys == {"weights": "net-0000.params"}


def test_a_symbol_with_a_label(tmp_path: Path) -> None:
    data = mx.sym.var("data", shape=(2, 4), dtype="float32")
    dense = mx.sym.FullyConnected(data, num_hidden=3, name="fc1")
    mx.sym.SoftmaxOutput(dense, name="softmax").save(str(tmp_path / "a-symbol.json"))
    found = look(tmp_path / "a-symbol.json")
    assert found.inputs == (Tensor("data", (2, 4), "float32"),)
    assert found.outputs == ("softmax_output",)
    assert "There is no a-*.params" in found.unsure[1]


def test_what_is_begun_converts(tmp_path: Path) -> None:
    """Data gives the shape, which a symbol doesn't say."""
    import numpy as np

    save(tmp_path)
    np.savez(tmp_path / "rows.npz", data=np.ones((8, 4), np.float32))
    spec = begun(tmp_path, "net-symbol.json", "--data", "rows.npz")
    assert [each.name for each in spec.model.inputs] == ["data"]
