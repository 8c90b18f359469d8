"""Writing a converted graph as `.pt2` and opening it again."""

from __future__ import annotations

import os
import warnings
from functools import partial
from pathlib import Path

import torch
from torch import fx, nn

from ....common.errors import ModelError
from ....common.files import write_by
from ...protocol import Predict
from ..opening.exported_program import checked
from ..opening.needs import NOTHING, Needs
from ..opening.program_inputs import zero_inputs
from ..running.calling import recorded
from ..running.device import check_device
from ..running.given import evaluated
from ..running.predict import Predictor

AGAIN = "It is not as it was saved: convert again."

TRANSIENT = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn")


def write(program: torch.export.ExportedProgram, path: Path) -> Path:
    """Write the archive: the same bytes from the same graph and weights on one version.

    Put in place at once, never half-written, weight by weight. torch is handed an open
    file, since of a path's it would put the stem into members' names. With zeros as example
    inputs (traced ones are the user's data), without traces of the source (they are
    paths) and without entries for modules that are never called (they hold weights, no
    code).
    """
    for module in program.graph_module.modules():
        if isinstance(module, fx.GraphModule):
            _strip(module.graph)
    program._example_inputs = zero_inputs(program)
    program._guards_code = []  # what a trace saw of sizes: inputs' own are checked
    calls = program._module_call_graph
    calls[:] = [call for call in calls if call.signature is not None]
    with warnings.catch_warnings():
        # Said of channels-last weights, which are whole all the same.
        warnings.filterwarnings("ignore", message="No complete tensor found")
        return write_by(path, partial(torch.export.save, program))


def _strip(graph: fx.Graph) -> None:
    for node in list(graph.nodes):
        if node.target is torch.ops.aten._assert_tensor_metadata.default:
            graph.erase_node(node)
            continue
        for key in (*TRANSIENT, "from_node", "custom"):
            node.meta.pop(key, None)


def load_saved(path: Path, needs: Needs = NOTHING) -> Predict:
    """As `Adapter.load_saved`.

    Args:
        needs: What the model's own operators need.

    Raises:
        RequirementError: The device that it was converted for is not here.
    """
    module = opened(path, needs).module()
    return Predictor(module, recorded(module))


def open_native(path: Path, needs: Needs = NOTHING) -> nn.Module:
    """As `Adapter.open_native`; the same checks as `load_saved`."""
    return evaluated(opened(path, needs).module())


def opened(path: Path, needs: Needs = NOTHING) -> torch.export.ExportedProgram:
    """The program in a `.pt2`; as `load_saved`."""
    if not path.is_file():
        raise ModelError(
            f"{os.fspath(path)} does not exist", "Run the conversion first."
        )
    try:
        needs.register()
        program = checked(path, path.name, remedy=AGAIN, known=needs.operators)
    except ModelError:
        check_device(path)
        raise
    program._example_inputs = zero_inputs(program)
    return program
