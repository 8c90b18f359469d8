"""How a script loads the model."""

from __future__ import annotations

from narrowcast.spec import Spec

from .code import Code, literal
from .dependencies import is_safetensors
from .imports import import_lines
from .layout import Group, Quotient, laid_out
from .names import imported
from .paths import here
from .script import FactoryModel


def model_section(spec: Spec, folder: str) -> FactoryModel:
    """The factory's module with its weights, on the spec's device."""
    module, top, expression = imported(spec.model.factory)
    wanted = [("torch", ""), (module, top)]
    path = spec.model.weights
    if path is not None and is_safetensors(path):
        wanted.append(("safetensors.torch", "load_file"))
    on_device = "" if spec.device == "cpu" else f".to({literal(spec.device)})"
    return FactoryModel(
        local_imports=import_lines(wanted, indent=4),
        seed=literal(spec.seed),
        factory=Code(f"{expression}()"),
        weights=() if path is None else _weights(path, here(path, folder)),
        result=Code(f"model.eval(){on_device}"),
    )


def _weights(path: str, where: Quotient) -> tuple[Code, ...]:
    """The state dict, read without unpickling objects, into the model."""
    if is_safetensors(path):
        reading = Group("load_file(", (where,), ")")
    else:
        safe = (Code('map_location="cpu"'), Code("weights_only=True"))
        reading = Group("torch.load(", (where, *safe), ")")
    loaded = laid_out("weights = ", reading, indent=4)
    return loaded, Code("model.load_state_dict(weights)")
