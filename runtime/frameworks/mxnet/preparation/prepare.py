"""Passes over the network that change its form and not what it computes."""

from __future__ import annotations

from ..ir.network import Network
from ..ir.prepared import Prepared
from .absorbed import ledger_of, told
from .constants import fold_constants
from .identities import drop_identities
from .linear_layers import write_dense
from .norms import fold_batch_norms
from .padding import fold_padding


def prepare(network: Network) -> Prepared:
    """Drop identities; fold constants and padding; write dense layers; fold norms."""
    ledger = ledger_of(network)
    network = fold_constants(drop_identities(network))
    network = write_dense(fold_padding(network, ledger))
    network = fold_batch_norms(network, ledger)
    return Prepared(network, told(ledger, network))
