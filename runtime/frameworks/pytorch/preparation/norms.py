"""Fold a batch norm into the convolution or linear layer that feeds it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from ...listing import listed
from ...norms import Doubles, norm_of, scaled
from ..ir import nodes
from ..ir.prepared import (
    Prepared,
    add_constant,
    constant,
    is_constant,
    replace_constant,
)

OUTPUT_AXIS = {
    **dict.fromkeys(listed("conv1d conv2d conv3d linear"), 0),
    **dict.fromkeys(listed("conv_transpose1d conv_transpose2d conv_transpose3d"), 1),
}
"""Producer → the weight's axis of output channels."""


@dataclass(frozen=True)
class Site:
    """A producer whose only reader is a batch norm of constants."""

    producer: fx.Node
    norm: fx.Node
    weight: fx.Node
    bias: fx.Node | None


def fold_batch_norms(prepared: Prepared) -> None:
    """W' = W·s and b' = (b − mean)·s + β with s = γ/√(var + ε), computed in fp64."""
    for node in list(prepared.module.graph.nodes):
        site = _site(node)
        if site is not None:
            _fold(prepared, site)


def _site(norm: fx.Node) -> Site | None:
    producer = _producer(norm)
    if producer is None or not _folds(producer):
        return None
    values, taken = dict(nodes.arguments(norm)), dict(nodes.arguments(producer))
    weight, bias = taken["weight"], taken.get("bias")
    needed = (weight, values["running_mean"])
    optional = (bias, values["weight"], values["bias"], values["running_var"])
    constants = (*needed, *(each for each in optional if each is not None))
    return (
        Site(producer, norm, weight, bias) if all(map(is_constant, constants)) else None
    )


def _producer(norm: fx.Node) -> fx.Node | None:
    """The op that feeds a batch norm, and nothing else."""
    if not nodes.is_op(norm) or nodes.operator_name(norm) != "batch_norm":
        return None
    values = dict(nodes.arguments(norm))
    producer = values["input"]
    if values.get("training") or not isinstance(producer, fx.Node):
        return None
    return producer if nodes.is_op(producer) and len(producer.users) == 1 else None


def _folds(producer: fx.Node) -> bool:
    """Channels must be the producer's output channels, and groups one where they mix."""
    name = nodes.operator_name(producer)
    if name == "linear":
        return bool(producer.meta["val"].dim() == 2)
    if name.startswith("conv_transpose"):
        return bool(dict(nodes.arguments(producer)).get("groups", 1) == 1)
    return name in OUTPUT_AXIS


def _fold(prepared: Prepared, site: Site) -> None:
    module, producer = prepared.module, site.producer
    weight, bias = _folded(module, site)
    if not bool(weight.isfinite().all() and bias.isfinite().all()):
        return  # the norm brings back into range what the layer alone would leave
    near = str(site.weight.target).rpartition("weight")[0] + "bias"
    arguments = dict(nodes.arguments(producer))
    arguments["weight"] = _written(module, site.weight, weight, producer)
    arguments["bias"] = (
        add_constant(module, near, bias, producer)
        if site.bias is None
        else _written(module, site.bias, bias, producer)
    )
    producer.args, producer.kwargs = (), arguments
    for out in nodes.made(site.norm):
        out.replace_all_uses_with(producer)
        if out is not site.norm:
            module.graph.erase_node(out)
    module.graph.erase_node(site.norm)
    prepared.ledger.take_value(producer.name, site.norm.name)


def _written(
    module: fx.GraphModule, node: fx.Node, value: torch.Tensor, reader: fx.Node
) -> fx.Node:
    """A constant's new value, under its own name unless others read the old one."""
    if len(node.users) > 1:
        return add_constant(module, str(node.target), value, reader)
    replace_constant(module, node, value)
    return node


def _folded(module: fx.GraphModule, site: Site) -> tuple[torch.Tensor, torch.Tensor]:
    weight = constant(module, site.weight)

    def load(node: fx.Node | None, default: float) -> Doubles | float:
        if node is None:
            return default
        return constant(module, node).double().numpy(force=True)

    def stored(values: Doubles) -> torch.Tensor:
        return torch.from_numpy(values).to(weight.device, weight.dtype)

    values = dict(nodes.arguments(site.norm))
    norm = norm_of(
        load(values["weight"], 1.0),
        load(values["bias"], 0.0),
        load(values["running_mean"], 0.0),
        load(values["running_var"], 1.0),
        values["eps"],
    )
    axis = OUTPUT_AXIS[nodes.operator_name(site.producer)]
    wide = weight.double().numpy(force=True)
    bias = norm.biased(load(site.bias, 0.0))
    return stored(scaled(wide, norm.scale, axis)), stored(bias)
