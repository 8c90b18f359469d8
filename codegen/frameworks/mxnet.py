"""MXNet: a symbol with its parameters, or a factory's HybridBlock."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.spec import PythonObject

from ..code import Code, literal
from ..imports import import_lines
from ..layout import Group, laid_out
from ..names import imported
from ..paths import here
from ..script import FileModel, MadeModel
from .framework import Framework, returned, trust

MXNET = "narrowcast.runtime.frameworks.mxnet"


def model_section(spec: Spec, folder: str) -> FileModel | MadeModel:
    """The symbol and its parameters, or the factory's block with its own."""
    if spec.model.factory is not None:
        return _made(spec, spec.model.factory, folder)
    files = (spec.model.path or "", spec.model.weights or "")
    where = tuple(here(path, folder) for path in files)
    loading = Group("load_symbol(", (*where, *trust(spec)), ")")
    return FileModel("mxnet/symbol.py.j2", returned(spec, loading))


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as an NDArray; MXNet makes float32 of all that has no dtype."""
    return Group("mx.nd.array(", (array, Code(f"dtype={dtype}")), ")")


def _made(spec: Spec, factory: PythonObject, folder: str) -> MadeModel:
    module, top, expression = imported(factory)
    wanted = [("mxnet as mx", ""), (module, top), (MXNET, "block_model")]
    statements: tuple[Code, ...] = ()
    if path := spec.model.weights:
        wanted.append((MXNET, "load_parameters"))
        loading = Group("load_parameters(", (Code("block"), here(path, folder)), ")")
        statements = (laid_out("", loading, indent=4),)
    return MadeModel(
        template="mxnet/block.py.j2",
        local_imports=import_lines(wanted, indent=4),
        seed=literal(spec.seed),
        factory=Code(f"{expression}()"),
        weights=statements,
        result=Code("block_model(block)"),
    )


FRAMEWORK = Framework(
    title="MXNet",
    extra="mxnet",
    lowest="mxnet>=1.9",
    pins=("mxnet~=1.9.1", "numpy<1.24"),
    templates="mxnet",
    adapter=("narrowcast.runtime.frameworks", "mxnet"),
    ending="-symbol.json",
    model=model_section,
    tensor=tensor,
    python="==3.11.*",
)
