"""How a script loads the model."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.spec import PythonObject

from .code import Code, literal
from .dependencies import is_safetensors
from .imports import import_lines
from .layout import Group, Quotient, laid_out
from .names import imported
from .paths import here
from .script import ExportedModel, FactoryModel

PYTORCH = "narrowcast.runtime.frameworks.pytorch"
TRUSTED = Code(
    "# model.trust in the spec: code that is pickled in this file runs here."
)


def model_section(spec: Spec, folder: str) -> FactoryModel | ExportedModel:
    """The factory's module with its weights, or the program's, on the spec's device."""
    if spec.model.factory is None:
        assert spec.model.path is not None
        return _exported(spec, here(spec.model.path, folder))
    return _made(spec, spec.model.factory, folder)


def _exported(spec: Spec, where: Quotient) -> ExportedModel:
    options = []
    if spec.device != "cpu":
        options.append(Code(f"device={literal(spec.device)}"))
    if spec.model.trust:
        options.append(Code("trust=True"))
    opening = Group("open_pt2(", (where, Code("INPUTS"), *options), ")")
    return ExportedModel(_trusted(spec, laid_out("program = ", opening, indent=4)))


def _made(spec: Spec, factory: PythonObject, folder: str) -> FactoryModel:
    module, top, expression = imported(factory)
    wanted = [("torch", ""), (module, top)]
    statements: tuple[Code, ...] = ()
    if path := spec.model.weights:
        reader, options = _reader(path, spec.model.trust)
        wanted.append((PYTORCH, reader))
        loading = Group(
            f"{reader}(", (Code("model"), here(path, folder), *options), ")"
        )
        statements = _trusted(spec, laid_out("", loading, indent=4))
    on_device = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    return FactoryModel(
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


def _trusted(spec: Spec, statement: Code) -> tuple[Code, ...]:
    """The statement; in plain sight what it means where the spec trusts the file."""
    return (TRUSTED, statement) if spec.model.trust else (statement,)
