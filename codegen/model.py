"""How a script loads the model."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.spec import PythonObject

from .code import Code, dotted, literal
from .imports import import_lines
from .layout import Group, laid_out
from .paths import here
from .script import FactoryModel

TAKEN = frozenset({"HERE", "load_file", "model", "torch", "weights"})


def model_section(spec: Spec, folder: str) -> FactoryModel:
    """The factory's module with its weights, on the spec's device."""
    module, top, expression = imported(spec.model.factory, TAKEN)
    wanted = [("torch", ""), (module, top)]
    weights: tuple[Code, ...] = ()
    if spec.model.weights is not None:
        path = here(spec.model.weights, folder)
        if spec.model.weights.lower().endswith(".safetensors"):
            wanted.append(("safetensors.torch", "load_file"))
            weights = (Code(f"model.load_state_dict(load_file({path}))"),)
        else:
            weights = (_torch_load(path), Code("model.load_state_dict(weights)"))
    on_device = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    return FactoryModel(
        local_imports=_indented(import_lines(wanted).replace("\n\n", "\n")),
        seed=literal(spec.seed),
        factory=Code(f"{expression}()"),
        weights=weights,
        result=Code(f"model.eval(){on_device}"),
    )


def _torch_load(path: Code) -> Code:
    safe = (Code('map_location="cpu"'), Code("weights_only=True"))
    return laid_out("weights = ", Group("torch.load(", (path, *safe), ")"), indent=4)


def _indented(text: str) -> Code:
    return Code(text.replace("\n", "\n    "))


def imported(factory: PythonObject, taken: frozenset[str]) -> tuple[str, str, Code]:
    """What to import for a Python object, and the expression that then names it.

    Returns:
        The module, the name to import from it (renamed where it would clash with a
        name in `taken`), and the expression.
    """
    top, _, rest = str(dotted(factory.name)).partition(".")
    known = f"user_{top}" if top in taken else top
    name = top if known == top else f"{top} as {known}"
    return str(dotted(factory.module)), name, Code(f"{known}.{rest}" if rest else known)
