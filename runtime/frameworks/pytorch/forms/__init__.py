"""Faster forms of ops in 16 bits: kernels that PyTorch has and no ATen call reaches."""

from __future__ import annotations

from torch import fx

from .attention import attention_forms
from .convolution import convolution_forms
from .form import Form
from .linear import linear_forms


def sites(graph: fx.Graph) -> tuple[Form, ...]:
    """Every form of every op, which may overlap."""
    families = (attention_forms, convolution_forms, linear_forms)
    return tuple(form for family in families for form in family(graph))
