"""The zoo as MXNet symbols: a step is the node of its name."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from zoo import EPSILON, MODELS, SMALL, TURNS, Array, Contents, Weights

FILE = "model-symbol.json"
LACKS = {"state": "a symbol has no state that it writes in inference"}
S = mx.sym
Symbols = Mapping[str, Any]


def _dense(x: Any, v: Symbols, name: str, step: str = "") -> Any:
    given = {"bias": v[f"{name}.bias"]} if f"{name}.bias" in v else {"no_bias": True}
    width, _taken = literal_eval(v[f"{name}.weight"].attr("__shape__"))
    return S.FullyConnected(
        x, v[f"{name}.weight"], num_hidden=width, name=step or name, **given
    )


def _residual(v: Symbols) -> Any:
    shape = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 8}
    stem = S.Convolution(v["x"], v["stem.weight"], v["stem.bias"], name="stem", **shape)
    y = S.Convolution(stem, v["conv.weight"], no_bias=True, name="conv", **shape)
    parts = [v[f"norm.{part}"] for part in ("scale", "shift", "mean", "variance")]
    y = S.BatchNorm(y, *parts, eps=EPSILON, fix_gamma=False, name="norm")
    y = S.Activation(y + stem, act_type="relu", name="relu")
    return _dense(S.mean(y, axis=(2, 3), name="pool"), v, "head")


def _mlp(v: Symbols) -> Any:
    y = S.Activation(_dense(v["x"], v, "first"), act_type="relu", name="relu")
    return _dense(S.Dropout(y, name="drop"), v, "last")


def _outputs(v: Symbols) -> Any:
    first = _dense(v["x"], v, "first")
    feature = S.Activation(first, act_type="relu", name="feature")
    scores = _dense(feature, v, "last", "scores")
    return S.Group([feature, scores, S.argmax(scores, axis=1, name="best")])


def _embedding(v: Symbols) -> Any:
    size = {"input_dim": 20, "output_dim": 16}
    y = S.Embedding(v["ids"], v["table.weight"], name="table", **size)
    return _dense(S.mean(y, axis=1, name="pool"), v, "last")


def _shared(v: Symbols) -> Any:
    return _dense(S.tanh(_dense(v["x"], v, "both", "once")), v, "both", "twice")


def _three(v: Symbols) -> Any:
    return _dense(v["a"], v, "first") * v["b"] + v["c"]


def _waves(v: Symbols) -> Any:
    time = S.expand_dims(v["turns.weight"], axis=0)
    angle = S.broadcast_mul(S.Cast(v["t"], dtype="float32"), time, name="angle")
    wave = S.sin(angle, name="wave")
    times = S.broadcast_mul(_dense(v["x"], v, "first"), wave, name="times")
    return _dense(times, v, "last")


def _edge(v: Symbols) -> Any:
    return S.Activation(v["x"], act_type="relu", name="relu") * SMALL


def _branch(v: Symbols) -> Any:
    y = _dense(v["x"], v, "first")
    one = lambda: S.relu(_dense(y, v, "then"))  # noqa: E731
    other = lambda: S.tanh(_dense(y, v, "else"))  # noqa: E731
    return _dense(S.contrib.cond(S.sum(y) > 0, one, other, name="cond"), v, "last")


def _loop(v: Symbols) -> Any:
    def turn(k: Any, x: Any) -> Any:
        return [], [k + 1, S.tanh(_dense(x, v, "turn"))]

    start = [S.zeros((1,)), v["x"]]
    _none, (_k, x) = S.contrib.while_loop(
        lambda k, x: k < TURNS, turn, start, max_iterations=TURNS, name="loop"
    )
    return _dense(x, v, "last")


WRITERS: Mapping[str, Callable[[Symbols], Any]] = {
    "residual": _residual,
    "mlp": _mlp,
    "outputs": _outputs,
    "embedding": _embedding,
    "shared": _shared,
    "three": _three,
    "waves": _waves,
    "edge": _edge,
    "branch": _branch,
    "loop": _loop,
}


def build(name: str, folder: Path) -> Any:
    files = folder / f"{name}-symbol.json", folder / f"{name}-0000.params"
    if not files[0].exists():
        write(name, *files)
    return adapter.load_symbol(*files)


def write(name: str, symbol_path: Path, params_path: Path) -> None:
    model = MODELS[name]
    weights = {key: _turned(value) for key, value in model.weights.items()}
    known = {
        n: S.var(n, shape=(0, *v.shape[1:]), dtype=v.dtype.name)
        for n, v in model.inputs.items()
    }
    known |= {n: S.var(n, shape=v.shape) for n, v in weights.items()}
    symbol = WRITERS[name](known)
    symbol.save(str(symbol_path))
    mx.nd.save(str(params_path), _stored(symbol, weights))


def _turned(value: Array) -> Array:
    """Matrices as FullyConnected takes them, (out, in)."""
    return (
        np.ascontiguousarray(value.T) if value.ndim == 2 and len(value) != 20 else value
    )


def _stored(symbol: Any, weights: Weights) -> dict[str, Any]:
    states = symbol.list_auxiliary_states()
    return {
        f"{'aux' if name in states else 'arg'}:{name}": mx.nd.array(value)
        for name, value in weights.items()
    }


def called(name: str, native: Any, batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """As `symbol.bind` and `mx.mod.Module` take it."""
    symbol, arguments, states = native
    given = {
        n: mx.nd.array(value, dtype=value.dtype)
        for n, value in zip(MODELS[name].inputs, batch, strict=True)
    }
    executor = symbol.bind(mx.cpu(), {**arguments, **given}, aux_states=states)
    return tuple(each.asnumpy() for each in executor.forward())


def tensor(array: Array) -> Array:
    return array


def unchanged(model: Any) -> object:
    values = {name: each.tolist() for name, each in model.parameters.items()}
    return model.nodes, model.heads, values


def pattern(step: str) -> str:
    return re.escape(step)


def contents(path: Path) -> Contents:
    casts = [
        (f"{place}/{nodes[node['inputs'][0][0]]['name']}:{node['inputs'][0][1]}", to)
        for place, nodes in _graphs(json.loads(path.read_text()), "")
        for node in nodes
        for to in [node.get("attrs", {}).get("dtype", "")]
        if node["op"] == "amp_cast"
    ]
    stored = mx.nd.load(str(path).replace("-symbol.json", "-0000.params"))
    if not stored:
        return Contents(tuple(casts), ())
    weights = [(each.shape, _name(each.dtype)) for each in stored.values()]
    return Contents(tuple(casts), tuple(weights))


def _graphs(symbol: Any, place: str) -> Iterator[tuple[str, Any]]:
    yield place, symbol["nodes"]
    for node in symbol["nodes"]:
        for k, body in enumerate(node.get("subgraphs", ())):
            yield from _graphs(body, f"{place}/{node['name']}/{k}")


def _name(dtype: Any) -> str:
    """MXNet's own bfloat16 is a structured type of NumPy's."""
    return "bfloat16" if "bfloat16" in str(dtype) else str(np.dtype(dtype))
