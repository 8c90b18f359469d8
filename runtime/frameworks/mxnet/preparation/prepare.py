"""Passes over the network that change its form and not what it computes."""

from __future__ import annotations

from ..ir.network import Network
from ..ir.prepared import Prepared
from .absorbed import ledger_of, told
from .constants import fold_constants
from .identities import drop_identities
from .linear_layers import write_dense
from .norms import fold_batch_norms


def prepare(network: Network) -> Prepared:
    """Drop identities, fold constants, write dense layers, fold batch norms."""
    ledger = ledger_of(network)
    for run in (drop_identities, fold_constants, write_dense):
        network = run(network)
    network = fold_batch_norms(network, ledger)
    return Prepared(network, told(ledger, network))
