"""A model as MXNet's own objects: a block for a block, else a symbol with parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....common.errors import ModelError
from ..ir.arrays import on_device
from ..ir.library import mx
from ..ir.network import Network, symbol
from ..opening.load import load_symbol
from ..running.blocks import Block, as_model, block_arguments
from .archive import params_path

Arrays = Mapping[str, Any]


def native(model: Any) -> Any:
    """As `Adapter.native`.

    Returns:
        The block as loaded, a SymbolBlock of what was converted from one, or (symbol,
        arg_params, aux_params).
    """
    known = as_model(model)
    if isinstance(known, Block):
        return known.block
    names = block_arguments(known)
    return _block(known, names) if names else _parts(known)


def open_native(path: Path) -> Any:
    """As `Adapter.open_native`."""
    if not path.is_file():
        raise ModelError(f"{path} does not exist", "Run the conversion first.")
    return native(load_symbol(path, params_path(path), trust=True))


def _parts(network: Network) -> tuple[Any, Arrays, Arrays]:
    held = {name: on_device(values) for name, values in network.parameters.items()}
    states = {name: held.pop(name) for name in sorted(network.auxiliary & held.keys())}
    return symbol(network), held, states


def _block(network: Network, names: Sequence[str]) -> Any:
    """A block that is called as the user's is: with arrays by its arguments' names."""
    found, inputs = symbol(network), [mx.sym.var(name) for name in names]
    if mx.util.is_np_array():
        found = found.as_np_ndarray()
        inputs = [each.as_np_ndarray() for each in inputs]
    block = mx.gluon.SymbolBlock(found, inputs)
    for name, parameter in block.collect_params().items():
        values = on_device(network.parameters[name])
        parameter._load_init(values, mx.cpu(), cast_dtype=True, dtype_source="saved")
    return block
