"""Keras files that hold Python, or lead to other files, are not opened."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.tensorflow import load_keras, load_keras_weights

layers = keras.layers


def plain(path: Path) -> Path:
    keras.Sequential([keras.Input((3,)), layers.Dense(2, name="dense")]).save(path)
    return path


def edited(path: Path, change: Callable[[Any], None]) -> Path:
    """Change a model's configuration on disk."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_python_in_a_file_does_not_run(suffix: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    file = str(marker)
    act = layers.Lambda(lambda x: (open(file, "w").close(), x)[1], name="own")  # noqa: PTH123
    path = tmp_path / f"m{suffix}"
    keras.Sequential([keras.Input((3,)), act]).save(path)
    marker.unlink()
    keras.saving.load_model(path, safe_mode=False)(np.ones((1, 3)))
    assert marker.exists()
    marker.unlink()
    with pytest.raises(ModelError, match=r"layer own: .*Lambda is Python code") as no:
        load_keras(path)
    assert "trust: true" in no.value.remedy
    assert not marker.exists()
    load_keras(path, trust=True)((np.ones((1, 3), np.float32),))
    assert marker.exists()


def layer(config: Any) -> Any:
    return config["config"]["layers"][1]


def as_class(name: str, module: str | None, **config: Any) -> Callable[[Any], None]:
    def change(whole: Any) -> None:
        layer(whole).update(class_name=name, module=module, registered_name=None)
        layer(whole)["config"] = {"name": "dense", **config}

    return change


def with_activation(**value: Any) -> Callable[[Any], None]:
    def change(whole: Any) -> None:
        layer(whole)["config"]["activation"] = value

    return change


REFUSED: dict[str, tuple[Callable[[Any], None], str]] = {
    "a class of another module": (as_class("Popen", "subprocess"), "subprocess.Popen"),
    "a class that Keras does not have": (as_class("Own", "keras.layers"), "Own is none"),
    "a SavedModel somewhere": (as_class("TFSMLayer", "keras.layers", filepath="/x"), "opens another file"),
    "pickled torch": (as_class("TorchModuleWrapper", "keras.layers"), "pickled"),
    "a vocabulary somewhere": (as_class("StringLookup", "keras.layers", vocabulary="/etc/hostname"), "reads the file"),
    "a function of Keras": (with_activation(class_name="function", module="keras.src.utils.file_utils", config="get_file", registered_name="get_file"), "get_file|function is none"),
    "a function of Python": (with_activation(class_name="function", module="builtins", config="exec", registered_name="exec"), "function is none"),
    "Python code": (with_activation(class_name="__lambda__", module="builtins", config={"value": "x"}), "Python code"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", REFUSED)
def test_only_keras_own_classes_are_made(
    case: str, suffix: str, tmp_path: Path
) -> None:
    change, message = REFUSED[case]
    path = edited(plain(tmp_path / f"m{suffix}"), change)
    with pytest.raises(ModelError, match=message) as refused:
        load_keras(path)
    assert f"m{suffix} is not opened" in refused.value.message


def test_what_is_not_made_does_not_matter(tmp_path: Path) -> None:
    """A loss of the user's own does not keep a model from being converted."""

    def change(whole: Any) -> None:
        whole["compile_config"] = {
            "loss": {"module": "mine", "class_name": "Loss", "config": {}}
        }

    assert load_keras(edited(plain(tmp_path / "m.keras"), change)).signature


def test_paths_do_not_lead_out_of_an_archive(tmp_path: Path) -> None:
    path = plain(tmp_path / "m.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/../../../traversed", "was here")
    with pytest.raises(ModelError, match="leads out of the archive"):
        load_keras(path)
    assert not list(tmp_path.parent.glob("**/traversed"))


def external_data(file: h5py.File, other: Path) -> None:
    file.create_dataset("other", (4,), "f4", external=[(str(other), 0, 16)])


def external_link(file: h5py.File, other: Path) -> None:
    file["other"] = h5py.ExternalLink(str(other), "/")


def virtual_data(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(other), "x", (4,))
    file.create_virtual_dataset("other", layout)


@pytest.mark.parametrize("hide", [external_data, external_link, virtual_data])
@pytest.mark.parametrize("kind", [".h5", ".weights.h5", ".keras"])
def test_weights_do_not_come_from_other_files(
    kind: str, hide: Callable[[h5py.File, Path], None], tmp_path: Path
) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    weights = tmp_path / "m.weights.h5"
    model.save_weights(weights)
    path = tmp_path / f"m{kind}"
    if kind == ".h5":
        model.save(path)
    with h5py.File(path if kind == ".h5" else weights, "a") as file:
        hide(file, tmp_path / "other")
    if kind == ".keras":
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["model.weights.h5"] = weights.read_bytes()
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    with pytest.raises(ModelError, match=r"other file|another file"):
        load_keras_weights(model, path) if "weights" in kind else load_keras(path)


def test_what_keras_exports_is_known_by_that_name(tmp_path: Path) -> None:
    """Whose names are others than the classes' own, such as GroupQueryAttention."""
    from narrowcast.runtime.frameworks.tensorflow.opening.untrusted import keras_config

    public = (layers, keras.initializers, keras.regularizers, keras.constraints)
    for module in public:
        for name, value in vars(module).items():
            if isinstance(value, type) and name not in (
                *keras_config.REFUSED,
                "InputSpec",
            ):
                keras_config.check_config({"class_name": name, "module": None}, name)
    x = keras.Input((8, 32), name="x")
    path = tmp_path / "m.keras"
    net = keras.Model(x, layers.GroupQueryAttention(8, 4, 2)(x, x))
    net.save(path)
    batch = np.random.default_rng(0).normal(size=(2, 8, 32)).astype(np.float32)
    np.testing.assert_allclose(load_keras(path)((batch,))[0], net(batch), atol=1e-5)
