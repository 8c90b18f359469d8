"""What is done to inductor's graph before it makes code of it."""

from __future__ import annotations

from torch import fx
from torch._inductor.custom_graph_pass import CustomGraphPass

from .grouped import relu_apart
from .packing import pack_convolutions
from .residuals import keep_residuals


class Passes(CustomGraphPass):
    """Runs once weights are constants and contractions are oneDNN's."""

    def __call__(self, graph: fx.Graph) -> None:
        """Change the graph in place."""
        keep_residuals(graph)
        relu_apart(graph)
        pack_convolutions(graph)

    def uuid(self) -> str:
        """Names these passes in inductor's caches."""
        return "narrowcast.Passes.2"
