"""What `narrowcast init` finds in SavedModels, frozen graphs and Keras' files."""

from pathlib import Path

import keras
import pytest
import tensorflow as tf
from begun import begun

from narrowcast.looking.found import Tensor
from narrowcast.looking.look import look
from narrowcast.runtime.common.errors import ModelError

IMAGE = Tensor("image", ("batch", 8, 8, 1), "float32")
IDS = Tensor("ids", ("batch", 5), "int32")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model in each form."""
    folder = tmp_path_factory.mktemp("models")
    image = keras.Input((8, 8, 1), name="image")
    ids = keras.Input((5,), dtype="int32", name="ids")
    scores = keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(image))
    table = keras.layers.Embedding(10, 2, name="table")(ids)
    model = keras.Model([image, ids], [scores, table], name="two")
    model.save(folder / "two.keras")
    model.save(folder / "two.h5")
    model.export(folder / "saved", verbose=False)
    alone = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    alone.save(folder / "alone.keras")
    relu = tf.function(lambda x: tf.nn.relu(x, name="out"))
    graph = relu.get_concrete_function(tf.TensorSpec((None, 4), name="x")).graph
    tf.io.write_graph(graph, str(folder), "frozen.pb", as_text=False)
    return folder


def test_keras(models: Path) -> None:
    for name in ("two.keras", "two.h5"):
        found = look(models / name)
        assert (found.inputs, found.outputs) == ((IMAGE, IDS), ("scores", "table"))
    assert look(models / "alone.keras").inputs == (
        Tensor("x", ("batch", 4), "float32"),
    )


def test_saved_model(models: Path) -> None:
    found = look(models / "saved")
    assert found.inputs == (IDS, IMAGE)
    assert found.outputs == ("output_0", "output_1")
    assert "serve" in found.unsure[0]


def test_frozen_graph(models: Path) -> None:
    found = look(models / "frozen.pb")
    assert found.inputs == (Tensor("x", ("batch", 4), "float32"),)
    assert len(found.outputs) == 1


@pytest.mark.parametrize("name", ["two.keras", "two.h5", "saved", "frozen.pb"])
def test_what_is_begun_converts(models: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(models / name)
    spec = begun(tmp_path, name)
    assert spec.model.inputs and spec.model.outputs


@pytest.mark.parametrize("name", ["two.h5", "frozen.pb", "two.keras"])
@pytest.mark.parametrize("size", [0, 30, 100])
def test_a_file_that_is_cut_short(
    models: Path, tmp_path: Path, name: str, size: int
) -> None:
    path = tmp_path / name
    path.write_bytes((models / name).read_bytes()[:size])
    with pytest.raises(ModelError, match=name):
        look(path)


def test_weights_alone(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.weights.h5"
    keras.models.load_model(models / "alone.keras").save_weights(path)
    with pytest.raises(ModelError, match="holds weights, no model"):
        look(path)
    named = path.rename(tmp_path / "net.h5")
    with pytest.raises(ModelError, match="holds weights alone, no model"):
        look(named)
