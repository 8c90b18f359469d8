"""Faster forms of ops in 16 bits: kernels that PyTorch has and no ATen call reaches."""

from __future__ import annotations

from torch import fx

from ..ir.values.quantized import computes_in_int8
from .attention import attention_forms
from .convolution import convolution_forms
from .form import Form
from .linear import linear_forms


def sites(graph: fx.Graph) -> tuple[Form, ...]:
    """Every form of every op, which may overlap.

    None of what a compiler does in int8: it looks for the op itself.
    """
    families = (attention_forms, convolution_forms, linear_forms)
    kept = {node.name for node in graph.nodes if computes_in_int8(node)}
    found = (form for family in families for form in family(graph))
    return tuple(form for form in found if kept.isdisjoint(form.nodes))
