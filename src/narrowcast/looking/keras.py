"""Keras' `.keras` and `.h5`: the configuration of the layers, which is JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError

from .files import LARGEST, WHOLE, member, missing, parsed
from .found import Found, Symbols, Tensor

OWN = "The model is of a class of its own, whose file doesn't say what goes in and out."


def look_archive(path: Path) -> Found:
    """Of a `.keras` file.

    Raises:
        ModelError: It is none.
    """
    return _found(parsed(member(path, "/config.json"), path), path)


def look_hdf5(path: Path) -> Found:
    """Of a `.h5` file.

    Raises:
        ModelError: It is none.
        RequirementError: There is no h5py.
    """
    try:
        import h5py
    except ImportError as error:
        raise missing("h5py", path, error) from error
    try:
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise ModelError(
                    f"{path} holds weights alone, no model",
                    "Give the factory with --model PACKAGE.MODULE:NAME, and --weights.",
                )
            if file.attrs.get_id("model_config").get_storage_size() > LARGEST:
                raise ModelError(f"{path} has a configuration that is too large", WHOLE)
            text = file.attrs["model_config"]
    except OSError as error:
        raise ModelError(f"{path} is no HDF5 file: {error}", WHOLE) from error
    data = text if isinstance(text, bytes) else str(text).encode()
    return _found(parsed(data, path), path)


def _found(data: Any, path: Path) -> Found:
    try:
        kind, config = data["class_name"], data["config"]
        if kind == "Sequential":
            return _sequential(config)
        if "input_layers" not in config:
            return Found(unsure=(OWN,))
        return _functional(config)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(f"{path} has no configuration of Keras'", WHOLE) from error


def _sequential(config: Any) -> Found:
    """One input and one output: those of the first and the last layer."""
    layers = config["layers"]
    inputs = [each["config"] for each in layers if each["class_name"] == "InputLayer"]
    if not inputs:
        return Found(unsure=("No layer states the shape of the input.",))
    return Found((_tensor(inputs[0], Symbols()),), (str(layers[-1]["config"]["name"]),))


def _functional(config: Any) -> Found:
    layers = {str(each["config"]["name"]): each["config"] for each in config["layers"]}
    symbols = Symbols()
    names = [str(name) for name in _names(config["input_layers"])]
    inputs = tuple(_tensor(layers[name], symbols) for name in names)
    outputs = tuple(str(name) for name in _names(config["output_layers"]))
    if len(set(outputs)) < len(outputs):  # several of one layer
        return Found(inputs, unsure=("Several outputs are one layer's.",))
    return Found(inputs, outputs)


def _names(nested: Any) -> Iterator[Any]:
    """The layers in `["x", 0, 0]`, in lists or mappings of such."""
    if isinstance(nested, Mapping):
        for each in nested.values():
            yield from _names(each)
    elif isinstance(nested, Sequence) and not isinstance(nested, str):
        if nested and isinstance(nested[0], str):
            yield nested[0]
        else:
            for each in nested:
                yield from _names(each)


def _tensor(config: Mapping[str, Any], symbols: Symbols) -> Tensor:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    sizes = shape and tuple(
        symbols.named(None, axis) if size is None else int(size)
        for axis, size in enumerate(shape)
    )
    dtype = config.get("dtype")
    return Tensor(
        str(config["name"]), sizes or None, dtype if isinstance(dtype, str) else ""
    )
