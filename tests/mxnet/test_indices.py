"""An index beyond a table, where the model does not clip it."""

from pathlib import Path

import mxnet as mx
from beyond import check_refused

MODEL = """\
model:
  name: net
  framework: mxnet
  path: net-symbol.json
  weights: net-0000.params
"""


def test_the_input_is_named_and_what_to_write(tmp_path: Path) -> None:
    """MXNet does not say how many rows there are."""
    ids, table, head = (mx.sym.var(name) for name in ("ids", "table", "head"))
    mean = mx.sym.mean(mx.sym.take(table, ids, mode="raise"), axis=1)
    net = mx.sym.FullyConnected(mean, head, num_hidden=4, no_bias=True, name="y")
    net.save(str(tmp_path / "net-symbol.json"))
    weights = {"arg:table": mx.nd.ones((7, 16)), "arg:head": mx.nd.ones((4, 16))}
    mx.nd.save(str(tmp_path / "net-0000.params"), weights)
    check_refused(tmp_path, MODEL, bound="LAST")
