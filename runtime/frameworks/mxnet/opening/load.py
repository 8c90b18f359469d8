"""Opening what MXNet saved: a symbol and its parameters, or a block's parameters."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....common.errors import DamagedError, ModelError
from ..ir.arrays import Values, on_device
from ..ir.library import mx, said_by
from ..ir.network import Network, Node
from ..ir.quantized.canonical import canonical
from ..running.selected import select_outputs
from .untrusted import params
from .untrusted.symbol import checked, parsed

SHOWN = 3
"""Names in a message."""


def load_symbol(
    symbol_path: Path,
    params_path: Path,
    *,
    outputs: Sequence[str] = (),
    trust: bool = False,
) -> Network:
    """Open a `-symbol.json` and its `.params`.

    Args:
        outputs: Those of its outputs, or of its ops', that are judged and kept; all of
            its outputs without names.
        trust: Open it although its operators run code or open files.

    Raises:
        ModelError: A file is missing or corrupt, the symbol is not safe, parameters are
            missing or don't fit; or it has no output of a name.
    """
    found = read_symbol(symbol_path, trust=trust)
    arrays = params.read(params_path)
    return network_from(
        found, arrays, symbol_path.name, params_path.name, outputs=outputs
    )


def network_from(
    found: Any,
    arrays: Mapping[str, Values],
    name: str,
    held_by: str,
    *,
    outputs: Sequence[str] = (),
) -> Network:
    """MXNet's symbol and its parameters as a model; raises as `load_symbol`.

    Args:
        name, held_by: What messages call the symbol, and what holds the parameters.
    """
    network = canonical(found, arrays)
    _check_outputs(network, name)
    if outputs:
        found = select_outputs(found, outputs, f"model.path: {name}")
        network = canonical(found, arrays)
    _check_names(network, arrays, held_by)
    _check_shapes(network, found, held_by)
    return network


def read_symbol(path: Path, *, trust: bool = False) -> Any:
    """MXNet's object for a symbol that was checked before; raises as `load_symbol`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DamagedError(
            f"{path} can't be read: {said}",
            "Check model.path in the spec, which it is relative to.",
        ) from error
    return symbol_from(text, path.name, trust=trust)


def symbol_from(text: str, name: str, *, trust: bool = False) -> Any:
    """MXNet's object for a symbol's JSON that was checked before.

    Raises:
        ModelError: It is no symbol, or not safe.
    """
    checked(parsed(text, name), name, trust=trust)
    try:
        return mx.sym.load_json(text)
    except mx.base.MXNetError as error:
        raise ModelError(
            f"MXNet {mx.__version__} can't open {name}: {said_by(error)}",
            "The symbol may come from another version of MXNet, or hold operators of a "
            "library that is not loaded.",
        ) from error


def load_parameters(block: Any, path: Path) -> None:
    """Give a Gluon block the parameters of a file, in fp32's place.

    Takes what `save_parameters`, `export` and `collect_params().save` write.

    Raises:
        ModelError: The file is missing or corrupt, a name is missing or unknown, or a
            shape doesn't fit.
    """
    arrays = params.read(path)
    structural = block._collect_params_with_prefix()
    plain = block.collect_params()
    known: Mapping[str, Any] = (
        structural if any("." in name for name in arrays) else plain
    )
    if set(arrays) != set(known) and set(arrays) == set(structural):
        known = structural
    _check_same(set(arrays), set(known), path.name, "the block")
    for name, parameter in known.items():
        _check_shape(name, parameter.shape, arrays[name], path.name)
        parameter._load_init(on_device(arrays[name]), mx.cpu(), cast_dtype=True)


def _check_shape(
    name: str, shape: Iterable[int] | None, values: Values, file: str
) -> None:
    """A size of 0 or -1 is not known yet."""
    wanted = tuple(shape or ())
    fits = not wanted or (
        len(wanted) == values.ndim
        and all(a in (b, 0, -1) for a, b in zip(wanted, values.shape, strict=True))
    )
    if not fits:
        raise ModelError(
            f"{file}: {name} has shape {values.shape}, the model's is {wanted}",
            "The parameters are another model's, or of another size.",
        )


def _check_names(network: Network, held: Iterable[str], file: str) -> None:
    """Every variable that must be a parameter has values.

    Inputs have none: they are told from parameters by the names that MXNet gives those.
    """
    variables = {node.name for node in network.nodes if node.variable}
    free = variables - set(network.parameters)
    missing = (free & network.auxiliary) | {n for n in free if n.endswith(PARAMETERS)}
    if missing:
        raise _missing(missing, set(held) - variables, file, "the symbol")


PARAMETERS = (
    *("_weight", "_bias", "_gamma", "_beta", "_mean", "_var", "_parameters"),
    *("_quantize", "_quantize_min", "_quantize_max"),
)
"""How Gluon, the Symbol API and MXNet's quantizing end the names of parameters."""


def _check_same(found: set[str], wanted: set[str], file: str, what: str) -> None:
    if wanted - found:
        raise _missing(wanted - found, found - wanted, file, what)
    if found - wanted:
        name = min(found - wanted)
        raise ModelError(
            f"{file} holds `{name}`, which {what} does not take",
            _near(name, wanted) or "The parameters are another model's.",
        )


def _missing(names: set[str], unused: set[str], file: str, what: str) -> ModelError:
    first = sorted(names)
    more = f" and {len(first) - 1} more" if len(first) > 1 else ""
    return ModelError(
        f"{file} has no values for `{first[0]}`{more}, which {what} takes",
        _near(first[0], unused) or "The parameters are another model's.",
    )


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=SHOWN, cutoff=0.5)
    return f"Did you mean {', '.join(near)}?" if near else ""


def _check_outputs(network: Network, name: str) -> None:
    for node in network.nodes:
        for index, output in node.inputs:
            if output >= network.nodes[index].outputs:
                taken = network.nodes[index].name
                raise ModelError(
                    f"{name}: {node.name} takes output {output} of {taken}, which has "
                    f"{network.nodes[index].outputs}"
                )
    for index, output in network.heads:
        if output >= network.nodes[index].outputs:
            taken = network.nodes[index].name
            raise ModelError(f"{name}: {taken} has no output {output}")
    counts = Counter(node.name for node in network.nodes if node.variable)
    twice = [each for each, count in counts.items() if count > 1]
    if twice:
        raise ModelError(f"{name}: two variables are called {twice[0]}")


def _declared(node: Node) -> tuple[int, ...]:
    return tuple(ast.literal_eval(node.attrs.get("__shape__", "()")))


def _check_shapes(network: Network, found: Any, file: str) -> None:
    """Hold the parameters' shapes against those declared, and let MXNet do it too.

    MXNet only where all inputs declare theirs: many operators (`InstanceNorm`, `topk`)
    refuse an input of unknown size. Else a batch will tell.
    """
    for node in network.nodes:
        if node.name in network.parameters and node.variable:
            _check_shape(
                node.name, _declared(node), network.parameters[node.name], file
            )
    if not all(_declared(network.nodes[index]) for index in network.inputs):
        return
    shapes = {name: values.shape for name, values in network.parameters.items()}
    try:
        found.infer_shape_partial(**shapes)
    except mx.base.MXNetError as error:
        raise ModelError(
            f"the shapes in {file} don't fit the symbol: {said_by(error)}",
            "The parameters are another model's, or of another size.",
        ) from error
