"""PyTorch: a factory's module with its weights, or an exported program's."""

from __future__ import annotations

from narrowcast.spec import Spec
from narrowcast.spec.releases import frameworks
from narrowcast.spec.sections.frameworks.common import has_ending
from narrowcast.spec.sections.frameworks.pytorch import SAFETENSORS

from ..sections import LoadModel
from ..writing.code import Code, literal
from ..writing.layout import Group
from .factory import Factory, made
from .framework import Framework, opened, supplied

PYTORCH = "narrowcast.runtime.frameworks.pytorch"
MODULE = "torch.nn.Module"


def load_model(spec: Spec) -> LoadModel:
    """The factory's module with its weights, or the program's, on the spec's device."""
    if spec.model.supplied:
        return supplied(spec, PYTORCH, (Code("INPUTS"), *_device(spec)), MODULE)
    if spec.model.factory is None:
        return _exported(spec)
    title = "The trained fp32 model, in evaluation mode."
    return made(spec, spec.model.factory, _module(spec), title, MODULE)


def tensor(spec: Spec, array: Code, dtype: Code) -> Group:
    """The array as a tensor on the spec's device."""
    return Group("torch.from_numpy(", (array,), f"){_on_device(spec)}")


def is_safetensors(path: str) -> bool:
    """Whether weights are read by the package safetensors."""
    return has_ending(path, SAFETENSORS)


def _exported(spec: Spec) -> LoadModel:
    arguments = (Code("MODEL"), Code("INPUTS"), *_device(spec))
    title = "The exported fp32 program, as a module."
    return opened(spec, (PYTORCH, "open_pt2"), arguments, title, MODULE, ".module()")


def _module(spec: Spec) -> Factory:
    weights, prefix = spec.model.weights or "", spec.model.strip_prefix
    reader, options = "load_state_dict", [f"weights_only={not spec.model.trust}"]
    if is_safetensors(weights):
        sharded = has_ending(weights, SAFETENSORS[1:])
        reader, options = "load_sharded" if sharded else "load_safetensors", []
    if prefix:
        options.append(f"strip_prefix={literal(prefix)}")
    return Factory(
        seeding="torch.manual_seed",
        variable=f"model: {MODULE}",
        reader=(PYTORCH, reader),
        options=tuple(map(Code, options)),
        imports=(("torch", ""),),
        result=Group("model.eval(", (), f"){_on_device(spec)}"),
    )


def _device(spec: Spec) -> tuple[Code, ...]:
    """An argument of what opens a file, where the model isn't on the CPU."""
    return () if spec.device == "cpu" else (Code(f"device={literal(spec.device)}"),)


def _on_device(spec: Spec) -> str:
    return "" if spec.device == "cpu" else f".to({literal(spec.device)})"


FRAMEWORK = Framework(
    title="PyTorch",
    extra="pytorch",
    releases=frameworks.PYTORCH,
    package=PYTORCH,
    adapter=("narrowcast.runtime.frameworks", "pytorch"),
    ending=".pt2",
    model=load_model,
    tensor=tensor,
    tensor_type=Code("torch.Tensor"),
    tensor_imports=(("torch", ""),),
    type_imports=(("torch", ""),),
    loaded=Code(MODULE),
    binds=True,
)
