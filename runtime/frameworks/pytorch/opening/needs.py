"""What a saved model needs beside torch: the operators that its author registered."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from torch import fx, nn
from torch._library.custom_ops import OPDEFS
from torch._ops import OpOverload

from ...refusals import Damaged, Unsafe
from ..ir.operators import DECOMPOSED
from ..ir.regions import graphs
from .untrusted.operators import QUANTIZED, TORCH, check_operator


@dataclass(frozen=True)
class Needs:
    """Operators that a model calls and that no file from elsewhere may call.

    Attributes:
        operators: As `space::name`; those that are not torch's, and torch's own that
            trust their caller.
        modules: What to import before the saved file opens: it registers them.
    """

    operators: frozenset[str] = frozenset()
    modules: tuple[str, ...] = ()

    def register(self) -> None:
        """Import the modules; one that can't be imported is missed where it is used."""
        for name in self.modules:
            with contextlib.suppress(ImportError):
                import_module(name)

    @property
    def note(self) -> str:
        """What deployers must know; "" where `import torch` registers all operators."""
        foreign = sorted(name for name in self.operators if _is_missed(name))
        if not foreign:
            return ""
        what = f"the operator{'s' * (len(foreign) > 1)} {', '.join(foreign)}"
        if not self.modules:
            return f"the saved model calls {what}: register before it is loaded"
        return (
            f"import {', '.join(self.modules)} before the saved model is loaded: it "
            f"calls {what}"
        )


NOTHING = Needs()


def with_quantized(needs: Needs) -> Needs:
    """The same of a model that is quantized besides."""
    operators = needs.operators | {f"{DECOMPOSED}::quantize_per_tensor"}
    return Needs(operators, tuple(dict.fromkeys((*needs.modules, QUANTIZED))))


def needs(model: nn.Module, captured: fx.GraphModule) -> Needs:
    """What a program needs that was captured from a model."""
    operators = dict.fromkeys(_refused(captured))
    found = [m for name in operators for m in _modules(name, model)]
    return Needs(frozenset(operators), tuple(dict.fromkeys(found)))


def _refused(captured: fx.GraphModule) -> Iterator[str]:
    for graph in graphs(captured):
        for node in graph.graph.nodes:
            if node.op != "call_function" or not isinstance(node.target, OpOverload):
                continue
            name = node.target._schema.name
            try:
                check_operator(f"torch.ops.{node.target}")
            except (Damaged, Unsafe):
                yield name
            else:
                if _is_missed(name):
                    yield name


def _modules(operator: str, model: nn.Module) -> list[str]:
    """The modules that register an operator, as far as can be known."""
    space = _space(operator)
    if space == DECOMPOSED:
        return [QUANTIZED]
    if space in TORCH:
        return []
    defined = OPDEFS.get(operator)
    if defined is not None:
        return _importable([defined._init_fn.__module__])
    if space in sys.modules:
        return [space]
    classes = {type(part).__module__: None for part in model.modules()}
    return _importable([name for name in classes if name.split(".")[0] != "torch"])


def _importable(names: list[str]) -> list[str]:
    return [
        name for name in names if not name.startswith("__m")
    ]  # __main__, __mp_main__


def _is_missed(operator: str) -> bool:
    """Whether `import torch` alone does not register it."""
    return _space(operator) not in TORCH - {DECOMPOSED}


def _space(operator: str) -> str:
    return operator.split("::")[0]
