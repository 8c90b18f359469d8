"""The adjoint sketch: what each op's rounding does to the outputs, to first order.

One fp32 run, in which each op's low kernel runs beside it, and one backward pass for
each random direction v over the outputs: vᵀJδ is the product of what arrives at an op's
outputs and what its rounding adds there. E[(vᵀJδ)²] = |Jδ|², Hutchinson's estimate.

Where samples don't see each other, each sample has its own v, J and δ: the sum of their
squares has the same expectation and a variance as much smaller as there are samples.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import fx
from torch.autograd.graph import allow_mutation_on_saved_tensors
from torch.utils._pytree import tree_map

from ....graph.graph import Precision
from ...protocol import Inputs
from ..ir import nodes
from ..ir.regions import bodies, graphs
from ..ir.slots import taken_as_held
from ..running.low import LowInterpreter
from ..running.unrolled import Unrolled
from .samples import apart, by_sample, over, square
from .straight import past
from .tails import float_tails


def sketch(
    module: fx.GraphModule,
    inputs: Inputs,
    precision: Precision,
    keys: Iterable[str],
    probes: int,
    seed: int,
) -> dict[str, float]:
    """Node name → the mean over `probes` of (vᵀJδ)².

    v is ±1 over the elements of all float tails, each tail over its RMS and the root of
    its size. Missing are ops that no gradient reaches or for which it is not finite;
    infinite are those whose low kernel is not finite where fp32's is.
    """
    with torch.enable_grad(), _keeping(module):
        tape = _Tape(module, precision=precision, keys=frozenset(keys))
        tape.run(*map(_own, inputs))
        tails = [value for value in tape.tails.values() if value.requires_grad]
        generator = torch.Generator().manual_seed(seed)
        squares: defaultdict[str, list[float]] = defaultdict(list)
        tape.separate(tails, generator)
        for _ in range(probes):
            directions = [_direction(value, generator) for value in tails]
            for key, parts in tape.products(tails, directions).items():
                squares[key].append(square(parts))
    hidden = set(_behind_opaque(module))
    means = {key: math.fsum(each) / probes for key, each in squares.items()}
    found = {k: m for k, m in means.items() if math.isfinite(m) and k not in hidden}
    return found | dict.fromkeys(tape.infinite, math.inf)


@dataclass(eq=False, kw_only=True)
class _Tape(Unrolled, LowInterpreter):
    """Records an fp32 run for gradients, and what rounding adds at each op's outputs.

    Attributes:
        tails: The values that the outputs' errors are measured on.
        infinite: Ops whose rounding is not finite.
        rounded: What was quantized, as floats.
    """

    tails: dict[fx.Node, torch.Tensor] = field(default_factory=dict)
    infinite: set[str] = field(default_factory=set)
    sources: list[torch.Tensor] = field(default_factory=list)
    arrived: dict[str, list[torch.Tensor]] = field(
        default_factory=partial(defaultdict, list)
    )
    rounded: dict[fx.Node, torch.Tensor] = field(default_factory=dict)
    half: torch.Tensor | None = None
    samples: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wanted = frozenset(float_tails(self.module.graph))
        self.overwrites = _overwrites(self.module)

    def separate(
        self, tails: Sequence[torch.Tensor], generator: torch.Generator
    ) -> None:
        """See which values have an axis of samples that don't see each other.

        From a direction over a random half of the samples, a gradient arrives at these
        alone.
        """
        counts = {value.shape[0] if value.dim() else 1 for value in tails}
        self.samples = counts.pop() if len(counts) == 1 else 1
        if self.samples == 1:
            return
        half = torch.randperm(self.samples, generator=generator) < self.samples // 2
        self.half = half.to(tails[0].device)
        self.products(tails, [over(_direction(t, generator), half) for t in tails])
        self.half = None

    def products(
        self, tails: Sequence[torch.Tensor], directions: Sequence[torch.Tensor]
    ) -> dict[str, list[torch.Tensor]]:
        """vᵀJδ of each op that a gradient reaches, by samples where they are apart.

        One for each tensor that it makes, each time.
        """
        self.arrived.clear()
        if not tails:
            return {}
        try:
            torch.autograd.grad(
                tails, self.sources, directions, retain_graph=True, allow_unused=True
            )
        except RuntimeError:  # an operator without a derivative
            return {}
        return dict(self.arrived)

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        return _own(super().get_attr(target, args, kwargs))

    def run_node(self, n: fx.Node) -> Any:
        if nodes.quantizes(n) or _is_opaque(n):
            self._remember(n)
            with torch.no_grad():
                return tree_map(_own, super().run_node(n))
        value = super().run_node(n)
        if nodes.dequantizes(n):
            value = past(value, n, self.env, self.rounded)
        if n.name in self.keys:
            value = self._recorded(n, value)
        if n in self.wanted:
            self.tails[n] = value
        return value

    def _remember(self, node: fx.Node) -> None:
        """What a quantize rounds, for its dequantize."""
        self.rounded |= {read: self.env[read] for read in taken_as_held(node)}

    def _recorded(self, node: fx.Node, value: Any) -> Any:
        """The value, its tensors watched for the gradients that arrive there."""
        with torch.no_grad():
            low = self.run_kernel(node)
        taken = [v for v in map(self.env.get, node.all_input_nodes) if _is_float(v)]
        if not isinstance(value, (tuple, list)):
            return self._watched(node.name, value, low, taken)
        pairs = zip(value, low, strict=True)
        return type(value)([self._watched(node.name, a, b, taken) for a, b in pairs])

    def _watched(self, key: str, value: Any, low: Any, taken: list[Any]) -> Any:
        if not _is_float(value):
            return value
        value = self._source(value, taken)
        with torch.no_grad():
            finite = torch.isfinite(value)
            added = torch.where(finite, low.to(value.dtype) - value, 0.0)
            if not bool(torch.isfinite(added).all()):
                self.infinite.add(key)
                return value
            # Kept until the last probe: in 16 bits, half of what the activations take.
            added = added.to(torch.bfloat16)

        axes: list[int] = []

        def arrive(gradient: torch.Tensor) -> None:
            if self.half is not None:
                axes[:] = apart(gradient, self.half)
                return
            product = gradient * added
            parts = by_sample(product, axes[0], self.samples) if axes else product
            self.arrived[key].append(
                parts.sum(-1 if axes else None, dtype=torch.float64)
            )

        if value.requires_grad:
            value.register_hook(arrive)
        return value

    def _source(self, value: torch.Tensor, taken: list[Any]) -> torch.Tensor:
        """The value as a tensor of its own, from which gradients are asked for."""
        if any(value is other for other in taken):
            value = value.view_as(value)
        if value.requires_grad:
            return value
        if not self.overwrites:
            self.sources.append(value.requires_grad_())
            return value
        if any(_shares(value, other) for other in taken):
            return value
        # autograd lets no leaf be overwritten, and nothing else shows this memory yet.
        self.sources.append(value.requires_grad_())
        return value.clone()


def _direction(value: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """±1 over the value's RMS and the root of its size; 0 where it is not finite."""
    signs = torch.randint(0, 2, value.shape, generator=generator, dtype=torch.int8)
    wide = value.detach().double()
    finite = torch.isfinite(wide)
    norm = float(torch.linalg.vector_norm(wide[finite]))
    scale = 1 / norm if norm else 0.0
    signed = (signs.to(value.device) * 2 - 1).to(value.dtype) * scale
    return torch.where(finite, signed, 0.0)


def _behind_opaque(module: fx.GraphModule) -> Iterator[str]:
    """Ops that reach an output through one of which nothing is known, gradients either.

    What gets past it on other ways is no estimate of what they do.
    """
    hidden: set[fx.Node] = set()
    for node in reversed(module.graph.nodes):
        inside = [
            n
            for body in bodies(module, node).values()
            for each in graphs(body)
            for n in each.graph.nodes
        ]
        if node in hidden or any(map(_is_opaque, (node, *inside))):
            hidden.update(node.all_input_nodes)
            yield from (n.name for n in inside)
        if node in hidden:
            yield node.name


def _is_opaque(node: fx.Node) -> bool:
    return nodes.is_op(node) and nodes.is_opaque(node)


def _overwrites(module: fx.GraphModule) -> bool:
    """Whether an op writes to memory that others see; a buffer's next value is none."""
    return any(
        nodes.mutates(node) and not nodes.writes_state(node)
        for each in graphs(module)
        for node in each.graph.nodes
    )


def _keeping(module: fx.GraphModule) -> AbstractContextManager[Any]:
    """Keeps what gradients need of memory that is overwritten."""
    return allow_mutation_on_saved_tensors() if _overwrites(module) else nullcontext()


def _own(value: Any) -> Any:
    """A constant or an input without the gradients that its owner may want."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.clone() if value.is_inference() else value.detach()


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _shares(value: torch.Tensor, other: torch.Tensor) -> bool:
    return value.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
