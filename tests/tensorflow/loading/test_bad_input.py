"""Files that are no model, or not a whole one: what is wrong, and what helps."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.tensorflow import (
    load_frozen_graph,
    load_keras,
    load_keras_weights,
    load_saved_model,
    predictor,
)


def wrong(load: Callable[..., Any], *args: Any, **named: Any) -> ModelError:
    with pytest.raises(ModelError) as raised:
        load(*args, **named)
    assert raised.value.remedy
    return raised.value


@pytest.fixture
def saved(make_case: Callable[[str], Any], tmp_path: Path) -> Path:
    return Path(shutil.copytree(make_case("dense").path, tmp_path / "model"))


@pytest.mark.parametrize(
    ("load", "name"),
    [(load_saved_model, "m"), (load_frozen_graph, "m.pb"), (load_keras, "m.keras")],
)
def test_nothing_there(load: Callable[..., Any], name: str, tmp_path: Path) -> None:
    error = wrong(load, tmp_path / name)
    assert f"model.path: {name} does not exist ({tmp_path / name})" in error.message
    assert error.remedy.startswith("Paths are relative to the spec.")


@pytest.mark.parametrize("load", [load_frozen_graph, load_keras])
def test_a_folder_where_a_file_is_wanted(load: Callable[..., Any], saved: Path) -> None:
    error = wrong(load, saved)
    assert "is a folder" in error.message
    assert "SavedModel" in error.remedy


def test_a_file_where_a_folder_is_wanted(saved: Path) -> None:
    assert "is a file" in wrong(load_saved_model, saved / "saved_model.pb").message


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "has no saved_model.pb" in wrong(load_saved_model, tmp_path).message


def test_the_folder_above_the_model(saved: Path) -> None:
    error = wrong(load_saved_model, saved.parent)
    assert f"/{saved.name}: name that folder" in error.remedy


def test_a_saved_models_graph_is_no_frozen_graph(saved: Path) -> None:
    error = wrong(load_frozen_graph, saved / "saved_model.pb")
    assert "give the folder" in error.remedy


@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_a_saved_model_cut_short(keep: float, saved: Path) -> None:
    data = (saved / "saved_model.pb").read_bytes()
    (saved / "saved_model.pb").write_bytes(data[: int(len(data) * keep)])
    error = wrong(load_saved_model, saved)
    assert error.message.startswith("model.path: model")


def test_garbage_for_a_graph(tmp_path: Path) -> None:
    (tmp_path / "m.pb").write_bytes(bytes(range(256)) * 8)
    assert "no GraphDef" in wrong(load_frozen_graph, tmp_path / "m.pb").message


def test_variables_missing_or_cut_short(saved: Path) -> None:
    data = saved / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:4])
    model = load_saved_model(saved)
    assert "can't be read" in wrong(model.freeze).message
    shutil.rmtree(saved / "variables")
    error = wrong(load_saved_model, saved)
    assert "variables/ can't be read" in error.message
    assert "not whole" in error.remedy


def test_an_asset_is_missing(make_case: Callable[[str], Any], tmp_path: Path) -> None:
    path = Path(shutil.copytree(make_case("tables").path, tmp_path / "model"))
    shutil.rmtree(path / "assets")
    assert "assets/words.txt is missing" in wrong(load_saved_model, path).message


def test_a_wrong_signature_is_answered_with_the_right_one(saved: Path) -> None:
    error = wrong(load_saved_model, saved, signature="serving_defualt")
    assert "no signature serving_defualt" in error.message
    assert "Did you mean `serving_default`?" in error.remedy
    error = wrong(load_saved_model, saved, signature="predict")
    assert "There is `serving_default`" in error.remedy


def test_a_model_without_signatures(tmp_path: Path) -> None:
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "m"))
    error = wrong(load_saved_model, tmp_path / "m")
    assert "no signatures" in error.message
    assert "signatures=" in error.remedy


def test_an_input_that_the_model_does_not_have(saved: Path) -> None:
    model = load_saved_model(saved)
    with pytest.raises(DataError, match="`X`"):
        predictor(model, [Input("X", ("batch", 4), "float32")])


def test_data_that_does_not_fit(saved: Path) -> None:
    model = load_saved_model(saved)
    with pytest.raises(DataError, match="fails on the data"):
        model((np.ones((2, 5), np.float32),))


def kept(path: Path) -> Path:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    return path


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_keras_file_cut_short(name: str, keep: float, tmp_path: Path) -> None:
    data = kept(tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * keep)])
    assert wrong(load_keras, tmp_path / name).message.startswith(f"model.path: {name}")


def test_an_hdf5_file_by_another_name(tmp_path: Path) -> None:
    kept(tmp_path / "m.h5").rename(tmp_path / "m.keras")
    assert "ends in .h5" in wrong(load_keras, tmp_path / "m.keras").message


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "m.weights.h5")
    error = wrong(load_keras, tmp_path / "m.weights.h5")
    assert "weights and no model" in error.message
    assert "model.factory" in error.remedy


def test_a_model_of_another_keras(tmp_path: Path) -> None:
    """What Keras 2 wrote, with an argument that Keras 3 doesn't take."""
    path = kept(tmp_path / "m.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["implementation_of_old"] = 2
    members["config.json"] = json.dumps(config).encode()
    members["metadata.json"] = json.dumps({"keras_version": "2.12.0"}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    error = wrong(load_keras, path)
    assert "can't rebuild it" in error.message
    assert "saved by Keras 2.12.0" in error.remedy
    assert "model.export" in error.remedy


def test_a_class_that_only_keras_2_has(tmp_path: Path) -> None:
    """As tf_keras writes them: `tf.nn.relu(x)` between layers."""
    path = kept(tmp_path / "m.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["module"] = "tf_keras.src.engine.functional"
    config["config"]["layers"][1]["class_name"] = "TFOpLambda"
    members["config.json"] = json.dumps(config).encode()
    members["metadata.json"] = json.dumps({"keras_version": "2.21.0"}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    error = wrong(load_keras, path)
    assert "saved by Keras 2.21.0" in error.remedy
    assert "model.export" in error.remedy


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    error = wrong(load_keras_weights, model, tmp_path / "m.weights.h5")
    assert "model.weights: m.weights.h5 does not exist" in error.message


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_never_end_in_a_traceback(
    seed: int, make_case: Callable[[str], Any], tmp_path: Path
) -> None:
    generator = np.random.default_rng(seed)
    path = Path(shutil.copytree(make_case("branches").path, tmp_path / "model"))
    whole = np.frombuffer((path / "saved_model.pb").read_bytes(), np.uint8)
    refused = 0
    for _ in range(40):
        broken = whole.copy()
        places = generator.integers(0, len(whole), size=4)
        broken[places] = generator.integers(0, 256, size=4)
        (path / "saved_model.pb").write_bytes(broken.tobytes())
        try:
            load_saved_model(path).freeze()
        except ModelError:
            refused += 1
    assert refused
