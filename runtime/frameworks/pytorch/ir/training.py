"""Ops of an exported program that behave as in training."""

from __future__ import annotations

from torch import fx, nn

from ....common.errors import ModelError
from ...listing import listed
from . import nodes

DROPOUTS = listed("alpha_dropout dropout feature_alpha_dropout feature_dropout")


def check_inference(model: nn.Module, place: str) -> None:
    """Hold the graphs in a model to ops that neither draw random numbers nor learn.

    Raises:
        ModelError: It was exported in training mode.
    """
    for module in model.modules():
        if not isinstance(module, fx.GraphModule):
            continue
        for node in filter(nodes.is_op, module.graph.nodes):
            if trains(node):
                name, where = nodes.operator_name(node), nodes.module_path(node)
                raise ModelError(
                    f"{place} was exported in training mode: {name} of "
                    f"`{where or 'the model'}` is active",
                    "Call .eval() on the module before torch.export.export.",
                )


def trains(node: fx.Node) -> bool:
    """Whether the op is one of training: active dropout, a norm that learns."""
    given = dict(nodes.arguments(node))
    name = nodes.operator_name(node)
    active = bool(given.get("train") or given.get("training"))
    if name in DROPOUTS:
        return active and given.get("p") != 0
    if name == "native_dropout":
        return given.get("train") is not False and given.get("p") != 0
    if name == "scaled_dot_product_attention":
        return bool(given.get("dropout_p"))
    if "batch_norm" in name:  # without statistics of its own it uses the batch's
        return active and given.get("running_mean") is not None
    return active and bool(given.get("dropout"))
