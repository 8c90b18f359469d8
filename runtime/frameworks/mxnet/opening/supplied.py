"""A supplied MXNet model: a symbol's file or prefix, a folder, or MXNet's objects."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....common.errors import ModelError, ModelWarning
from ...opening.supplied import lone, missing, path_in, unknown
from ..ir.arrays import Values
from ..ir.library import mx
from ..ir.network import Network
from ..running.blocks import Model, block_model
from .load import load_symbol, network_from, symbol_from

TAKES = (
    "Give NAME-symbol.json with NAME-0000.params beside it (or `path/NAME`, or a folder "
    "that holds one of each), a HybridBlock, or (symbol, arg_params, aux_params)."
)
SYMBOL = "-symbol.json"
EPOCH = re.compile(r"-(?P<epoch>\d{4,})\.params")
PLACE = "the symbol"


def open_supplied(
    source: Any, *, outputs: Sequence[str] = (), trust: bool = False
) -> Model:
    """Open what a user has of a model; it is not changed.

    Args:
        source: The path of a `NAME-symbol.json`, its `path/NAME`, or a folder that holds
            one; a HybridBlock, or (symbol, arg_params, aux_params).
        outputs: Those that are judged and kept; all without names.
        trust: As of `load_symbol`.

    Raises:
        ModelError: It is nothing of these, or as of `load_symbol` and `block_model`.
    """
    path = path_in(source)
    if path is not None:
        file = _symbol_file(path)
        return load_symbol(file, _params_file(file), outputs=outputs, trust=trust)
    if isinstance(source, mx.gluon.Block):
        return block_model(source, outputs=outputs)
    if isinstance(source, tuple | list) and len(source) in (2, 3):
        return _network(source, outputs, trust)
    if isinstance(source, mx.sym.Symbol):
        raise ModelError("the model is a symbol without its parameters", TAKES)
    raise unknown(source, TAKES)


def _symbol_file(path: Path) -> Path:
    if path.is_dir():
        return lone(path, f"*{SYMBOL}", TAKES)
    named = path.with_name(path.name + SYMBOL)
    if not path.exists() and not named.exists():
        raise missing(path, TAKES)
    file = path if path.exists() else named
    if not file.name.endswith(SYMBOL):
        raise ModelError(f"the model {file.name} is no {SYMBOL[1:]} of MXNet's", TAKES)
    return file


def _params_file(symbol: Path) -> Path:
    """The parameters of a symbol: of the last epoch, or else the one file that is there.

    Raises:
        ModelError: There are none, or several that are not the symbol's by their names.
    """
    prefix = symbol.name.removesuffix(SYMBOL)
    beside = sorted(symbol.parent.glob("*.params"))
    epochs = {
        int(match["epoch"]): path
        for path in beside
        if path.name.startswith(prefix)
        and (match := EPOCH.fullmatch(path.name[len(prefix) :]))
    }
    names = ", ".join(path.name for path in sorted(epochs.values()) or beside)
    if epochs:
        last = epochs[max(epochs)]
        if len(epochs) > 1:
            text = f"{symbol.name} has several files of parameters: {names}; the last, "
            warnings.warn(f"{text}{last.name}, is taken", ModelWarning, stacklevel=4)
        return last
    if len(beside) == 1:
        return beside[0]
    raise ModelError(
        f"{symbol.name} has no {prefix}-0000.params beside it, only {names or 'itself'}",
        TAKES,
    )


def _network(parts: Sequence[Any], outputs: Sequence[str], trust: bool) -> Network:
    symbol, *held = parts
    if not isinstance(symbol, mx.sym.Symbol):
        raise unknown(symbol, TAKES)
    # A copy, and what the symbol is: MXNet's own writer leaves casts out.
    found = symbol_from(symbol.tojson(remove_amp_cast=False), PLACE, trust=trust)
    arrays = {name: values for each in held for name, values in _values(each).items()}
    return network_from(found, arrays, PLACE, "the parameters", outputs=outputs)


def _values(held: Any) -> Mapping[str, Values]:
    if not isinstance(held, Mapping):
        raise unknown(held, TAKES)
    plain = {
        str(name).removeprefix("arg:").removeprefix("aux:"): values
        for name, values in held.items()
    }
    return {name: _array(name, values) for name, values in plain.items()}


def _array(name: str, values: Any) -> Values:
    if not isinstance(values, mx.nd.NDArray):
        raise ModelError(f"the parameter {name} is a {type(values).__name__}", TAKES)
    array: Values = values.asnumpy()
    return array
