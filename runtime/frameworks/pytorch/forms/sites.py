"""Where a graph's ops have other forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import fx

from .attention import attention_forms
from .convolution import convolution_forms
from .form import Form
from .linear import linear_forms

FAMILIES: tuple[Callable[[fx.Graph], Iterator[Form]], ...] = (
    attention_forms,
    convolution_forms,
    linear_forms,
)


def sites(graph: fx.Graph) -> tuple[Form, ...]:
    """Every form of every op, which may overlap."""
    return tuple(form for family in FAMILIES for form in family(graph))
