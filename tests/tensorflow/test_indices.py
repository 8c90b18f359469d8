"""An index beyond an embedding's table."""

from pathlib import Path

from beyond import check_refused

NET = """
import keras

def build():
    ids = keras.Input((5,), dtype="int64", name="ids")
    rows = keras.layers.Embedding(7, 16)(ids)
    mean = keras.layers.GlobalAveragePooling1D()(rows)
    return keras.Model(ids, keras.layers.Dense(4)(mean))
"""
MODEL = """\
model:
  name: net
  framework: tensorflow
  factory: own_net:build
"""


def test_the_input_is_named_and_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "own_net.py").write_text(NET)
    check_refused(tmp_path, MODEL)
