"""Keys of `tuning` that its search does not go by."""

from typing import Any

from ..fields import Text
from ..marks import unused
from ..section import Section


class StrategySection(Section):
    """Neural Compressor's choice of a search; it overwrites that for 16 bits."""

    name: Any = unused("basic", "The search.")
    sigopt_api_token: Any = unused(None, "A token of SigOpt's.")
    sigopt_project_id: Any = unused(None, "A project of SigOpt's.")
    sigopt_experiment_name: Any = unused("nc-tune", "An experiment of SigOpt's.")
    accuracy_weight: Any = unused(1.0, "Weight of accuracy.")
    latency_weight: Any = unused(1.0, "Weight of latency.")
    confidence_batches: Any = unused(2, "Batches for a first look.")


class MultiObjectivesSection(Section):
    """Several objectives and their weights."""

    objective: Any = unused(None, "The objectives.")
    weight: Any = unused(None, "Their weights.")
    higher_is_better: Any = unused(None, "Their directions.")


class WorkspaceSection(Section):
    """Where a search writes."""

    path: Text | None = unused(None, "The folder.")
    resume: Text | None = unused(None, "A history that is gone on with.")


class DiagnosisSection(Section):
    """What is recorded of single ops after the search."""

    diagnosis_after_tuning: Any = unused(False, "Whether anything is.")
    op_list: Any = unused((), "The ops.")
    iteration_list: Any = unused((1,), "The batches.")
    inspect_type: Any = unused("all", "Weights, activations or both.")
    save_to_disk: Any = unused(True, "Whether it is written.")
    save_path: Any = unused("./nc_workspace/inspect_saved/", "The folder.")
