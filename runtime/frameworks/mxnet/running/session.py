"""Running a whole network as MXNet's executors do, with oneDNN's fusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....common.errors import DataError
from ...inputs import Input, places
from ...protocol import Inputs, Outputs
from ..ir.arrays import failed_on, given, on_device, widened
from ..ir.library import mx, restart_random
from ..ir.network import Network, in_order, symbol
from .switches import hold_fp32

MOST_EXECUTORS = 4
"""Sizes of a batch for which an executor is kept: the full one, the last, a few more."""

Shapes = tuple[tuple[tuple[int, ...], str], ...]


class Executors:
    """A network's executors, one for each form of a batch, over one set of parameters."""

    def __init__(self, network: Network) -> None:
        self.symbol, self.network = symbol(network), network
        self.inputs = [network.nodes[index].name for index in network.inputs]
        self.held = {name: on_device(v) for name, v in network.parameters.items()}
        self.made: dict[Shapes, Any] = {}

    def __call__(self, batch: Sequence[Any]) -> list[Any]:
        """The outputs, as NDArrays that the next call overwrites."""
        arrays = [given(value) for value in batch]
        executor = self._executor(arrays)
        for name, array in zip(self.inputs, arrays, strict=True):
            array.copyto(executor.arg_dict[name])
        executor.forward(is_train=False)
        return list(executor.outputs)

    def _executor(self, arrays: Sequence[Any]) -> Any:
        key = tuple((array.shape, str(array.dtype)) for array in arrays)
        if key not in self.made:
            while len(self.made) >= MOST_EXECUTORS:
                del self.made[next(iter(self.made))]
            self.made[key] = self._bound(arrays)
        return self.made[key]

    def _bound(self, arrays: Sequence[Any]) -> Any:
        taken = [mx.nd.empty(array.shape, dtype=array.dtype) for array in arrays]
        return bound(self.symbol, self.network, self.held, taken)


def bound(
    made: Any, network: Network, held: Mapping[str, Any], batch: Sequence[Any]
) -> Any:
    """An executor on a batch, whose arrays it keeps reading.

    Args:
        made: The network's symbol, whole or partitioned.
        held: Its parameters.
    """
    names = [network.nodes[index].name for index in network.inputs]
    taken = dict(zip(names, batch, strict=True))
    labels = {network.nodes[index].name for index in network.labels}
    if labels:  # nothing depends on them
        arguments = made.list_arguments()
        given = {**held, **taken}
        shapes = {name: given[name].shape for name in arguments if name in given}
        known, _outputs, _states = made.infer_shape_partial(**shapes)
        sizes = dict(zip(arguments, known, strict=True))
        taken |= {name: mx.nd.zeros(sizes[name]) for name in labels}
    states = set(made.list_auxiliary_states())
    return made.bind(
        mx.cpu(),
        {name: array for name, array in held.items() if name not in states} | taken,
        aux_states={name: held[name] for name in states},
        grad_req="null",
    )


class Predictor:
    """A network to call on batches; fp32 is fp32."""

    def __init__(self, network: Network, inputs: Sequence[Input] = ()) -> None:
        hold_fp32()
        names = [network.nodes[index].name for index in network.inputs]
        order = places(names, [one.name for one in inputs])
        self.executors = Executors(in_order(network, order))

    def __call__(self, inputs: Inputs, /) -> Outputs:
        """The outputs: 16-bit floats as float32, other dtypes as they are.

        Raises:
            DataError: Their number is another, or their sizes don't fit.
        """
        count = len(self.executors.inputs)
        if len(inputs) != count:
            raise DataError(
                f"the data gives {len(inputs)} inputs, the symbol takes {count}: "
                f"{', '.join(self.executors.inputs)}",
                "Name each of them in model.inputs, in the order of the data.",
            )
        try:
            outputs = self.executors(inputs)
            return tuple(map(widened, outputs))
        except mx.base.MXNetError as error:
            raise failed_on(map(given, inputs), error) from error

    def restart(self) -> None:
        """As `Restarts`: random numbers start over."""
        restart_random()
