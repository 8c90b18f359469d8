"""Writing a converted network as `-symbol.json` and `.params`, and opening it again."""

from __future__ import annotations

import re
from pathlib import Path

from ....common.errors import ModelError, UsageError
from ....common.files import write_bytes
from ...protocol import Inputs, Outputs, Predict
from ..ir.network import Network, symbol
from ..opening.load import load_symbol
from ..opening.untrusted import params
from ..running.modules import check_module
from ..running.session import Predictor

SYMBOL = re.compile(r"(?P<prefix>.+)-symbol\.json")
EPOCH = 0
"""`mx.model.load_checkpoint(prefix, 0)` finds the file of parameters by it."""


def params_path(path: Path) -> Path:
    """Where the parameters of a `PREFIX-symbol.json` are: `PREFIX-0000.params`.

    Raises:
        UsageError: The file is called otherwise.
    """
    match = SYMBOL.fullmatch(path.name)
    if match is None:
        raise UsageError(
            f"{path.name}: a symbol is saved as NAME-symbol.json",
            "MXNet finds the parameters beside it by that name.",
        )
    return path.with_name(f"{match['prefix']}-{EPOCH:04}.params")


def save(network: Network, path: Path) -> Path:
    """Write the symbol to `path` and the parameters beside it; the same bytes each time.

    The symbol goes last: whoever sees it finds its parameters.
    """
    ordered = [node.name for node in network.nodes if node.variable]
    values = {
        f"{'aux' if name in network.auxiliary else 'arg'}:{name}": network.parameters[
            name
        ]
        for name in ordered
        if name in network.parameters
    }
    # MXNet's own writer leaves casts out unless it is told not to.
    text = symbol(network).tojson(remove_amp_cast=False)
    write_bytes(params_path(path), params.to_bytes(values))
    return write_bytes(path, text.encode())


def load_saved(path: Path) -> Predict:
    """As `Adapter.load_saved`: the first batch is run in a Module too."""
    if not path.is_file():
        raise ModelError(f"{path} does not exist", "Run the conversion first.")
    return _Saved(load_symbol(path, params_path(path)))


class _Saved:
    """A saved network, in the two ways to run it that the summary names."""

    def __init__(self, network: Network) -> None:
        self._network: Network | None = network
        self._predict = Predictor(network)

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """As `Predictor`.

        Raises:
            ModelError: `mx.mod.Module` does not take it.
        """
        outputs = self._predict(inputs)
        if self._network is not None:
            check_module(self._network, inputs)
            self._network = None
        return outputs

    def restart(self) -> None:
        """As `Restarts`."""
        self._predict.restart()
