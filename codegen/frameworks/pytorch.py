"""PyTorch: a factory's module with its weights, or an exported program's."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.spec import PythonObject

from ..code import Code, literal
from ..imports import import_lines
from ..layout import Group, Quotient, laid_out
from ..names import imported
from ..paths import here
from ..script import FileModel, MadeModel
from .framework import Framework, trust, trusted

PYTORCH = "narrowcast.runtime.frameworks.pytorch"


def model_section(spec: Spec, folder: str) -> FileModel | MadeModel:
    """The factory's module with its weights, or the program's, on the spec's device."""
    if spec.model.factory is None:
        assert spec.model.path is not None
        return _exported(spec, here(spec.model.path, folder))
    return _made(spec, spec.model.factory, folder)


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as a tensor on the spec's device."""
    place = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    return Group("torch.from_numpy(", (array,), f"){place}")


def is_safetensors(path: str) -> bool:
    """Whether weights are read by the package safetensors."""
    return path.lower().endswith(".safetensors")


def _exported(spec: Spec, where: Quotient) -> FileModel:
    options = trust(spec)
    if spec.device != "cpu":
        options = (Code(f"device={literal(spec.device)}"), *options)
    opening = Group("open_pt2(", (where, Code("INPUTS"), *options), ")")
    statement = trusted(spec, laid_out("program = ", opening, indent=4))
    return FileModel("pytorch/exported.py.j2", statement)


def _made(spec: Spec, factory: PythonObject, folder: str) -> MadeModel:
    module, top, expression = imported(factory)
    wanted = [("torch", ""), (module, top)]
    statements: tuple[Code, ...] = ()
    if path := spec.model.weights:
        reader, options = _reader(path, spec.model.trust)
        wanted.append((PYTORCH, reader))
        loading = Group(
            f"{reader}(", (Code("model"), here(path, folder), *options), ")"
        )
        statements = (trusted(spec, laid_out("", loading, indent=4)),)
    on_device = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    return MadeModel(
        template="pytorch/model.py.j2",
        local_imports=import_lines(wanted, indent=4),
        seed=literal(spec.seed),
        factory=Code(f"{expression}()"),
        weights=statements,
        result=Code(f"model.eval(){on_device}"),
    )


def _reader(path: str, trust: bool) -> tuple[str, tuple[Code, ...]]:
    """The function that loads the file into the model, and its options."""
    if is_safetensors(path):
        return "load_safetensors", ()
    return "load_state_dict", (Code(f"weights_only={not trust}"),)


FRAMEWORK = Framework(
    title="PyTorch",
    extra="pytorch",
    lowest="torch>=2.10",
    pins=("torch~=2.13",),
    templates="pytorch",
    adapter=("narrowcast.runtime.frameworks", "pytorch"),
    ending=".pt2",
    model=model_section,
    tensor=tensor,
    loaded="torch.nn.Module",
)
