"""MXNet: a symbol with its parameters, or a factory's HybridBlock."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.releases import frameworks

from ..sections import LoadModel
from ..writing.code import Code
from ..writing.layout import Group
from .factory import Factory, made
from .framework import Framework, opened, selected, supplied

MXNET = "narrowcast.runtime.frameworks.mxnet"


def load_model(spec: Spec) -> LoadModel:
    """The symbol and its parameters, or the factory's block with its own."""
    if spec.model.supplied:
        return supplied(spec, MXNET, selected(spec))
    if spec.model.factory is not None:
        return made(spec, spec.model.factory, _block(spec), "The trained block.")
    files = (Code("MODEL"), Code("WEIGHTS"), *selected(spec))
    title = "The trained symbol and its parameters."
    return opened(spec, (MXNET, "load_symbol"), files, title)


def _block(spec: Spec) -> Factory:
    return Factory(
        seeding="mx.random.seed",
        variable="model",
        reader=(MXNET, "load_parameters"),
        options=(),
        imports=(("mxnet as mx", ""), (MXNET, "block_model")),
        result=Group("block_model(", (Code("model"), *selected(spec)), ")"),
    )


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as an NDArray; MXNet makes float32 of all that has no dtype."""
    return Group("mx.nd.array(", (array, Code(f"dtype={dtype}")), ")")


FRAMEWORK = Framework(
    title="MXNet",
    extra="mxnet",
    releases=frameworks.MXNET,
    package=MXNET,
    adapter=("narrowcast.runtime.frameworks", "mxnet"),
    ending="-symbol.json",
    model=load_model,
    tensor=tensor,
    tensor_type=Code("mx.nd.NDArray"),
    tensor_imports=(("mxnet as mx", ""),),
    type_imports=(("mxnet as mx", ""), (MXNET, "Model")),
)
