"""Fold a batch norm into the convolution or dense layer that feeds it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...norms import in_range, norm_of, scaled
from ..ir.arrays import Values
from ..ir.network import Entry, Network, Node
from ..ir.rebuilding import Rebuilding
from .absorbed import Names

CHANNELS_FIRST = ("NCW", "NCHW", "NCDHW", "None")
NORMS = ("BatchNorm", "_npx_batch_norm")
CONVOLUTIONS = ("Convolution", "_npx_convolution")
TRANSPOSED = ("Deconvolution", "_npx_deconvolution")
DENSE = ("FullyConnected", "_npx_fully_connected")


@dataclass(frozen=True)
class Site:
    """A producer whose only reader is a batch norm of constants."""

    producer: int
    norm: int
    axis: int


def fold_batch_norms(network: Network, ledger: Names) -> Network:
    """W' = W·s and b' = (b − mean)·s + β with s = γ/√(var + ε), computed in fp64."""
    sites = [_site(network, index) for index in range(len(network.nodes))]
    folded = {site.producer: (site, _folded(network, site)) for site in sites if site}
    folded = {
        producer: (site, values)
        for producer, (site, values) in folded.items()
        if in_range(*values)
    }
    norms = {site.norm: producer for producer, (site, _values) in folded.items()}
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        if index in folded:
            site, (weight, bias) = folded[index]
            copy.entries[index, 0] = _written(copy, index, weight, bias)
            ledger.take_value(node.name, network.nodes[site.norm].name)
        elif index in norms:
            copy.entries[index, 0] = copy.entries[norms[index], 0]
        else:
            copy.copy(index)
    return copy.finish()


def _site(network: Network, index: int) -> Site | None:
    norm = network.nodes[index]
    if norm.op not in NORMS or norm.outputs != 1 or norm.flag("output_mean_var"):
        return None
    producer, output = norm.inputs[0]
    heads = {head for head, _k in network.heads}
    node = network.nodes[producer]
    axis = _axis(node)
    constants = [*node.inputs[1:], *norm.inputs[1:]]
    if (
        axis is None
        or output
        or len(network.readers[producer]) != 1
        or producer in heads
        or index in heads
        or not all(network.constant(source) for source, _k in constants)
        or not _same_channels(node, norm)
    ):
        return None
    return Site(producer, index, axis)


def _axis(producer: Node) -> int | None:
    """The weight's axis of output channels, None for what a norm can't be folded into.

    Groups of a transposed convolution mix that axis.
    """
    if producer.op in TRANSPOSED:
        grouped = producer.attrs.get("num_group", "1") != "1"
        return None if grouped else 1
    if producer.op in (*CONVOLUTIONS, *DENSE):
        return 0
    return None


def _same_channels(producer: Node, norm: Node) -> bool:
    """Whether the norm's axis is the producer's of output channels."""
    axis = int(norm.attrs.get("axis", "1"))
    if producer.op in DENSE:
        return producer.flag("flatten", default=True) and axis in (1, -1)
    return producer.attrs.get("layout", "None") in CHANNELS_FIRST and axis == 1


def _folded(network: Network, site: Site) -> tuple[Values, Values]:
    def load(entry: Entry) -> Values:
        return network.parameters[network.nodes[entry[0]].name]

    producer, norm = network.nodes[site.producer], network.nodes[site.norm]
    gamma, beta, mean, variance = map(load, norm.inputs[1:5])
    if norm.flag("fix_gamma", default=True):
        gamma = np.ones_like(gamma)
    epsilon = float(norm.attrs.get("eps", "1e-3"))
    does = norm_of(gamma, beta, mean, variance, epsilon)
    bare = producer.flag("no_bias", default=producer.op in TRANSPOSED)
    bias = 0.0 if bare else load(producer.inputs[2]).astype(np.float64)
    weight = scaled(load(producer.inputs[1]), does.scale, site.axis)
    return weight.astype(np.float32), does.biased(bias).astype(np.float32)


def _written(copy: Rebuilding, index: int, weight: Values, bias: Values) -> Entry:
    """Append the layer with its new weight and bias; shared ones stay for others."""
    network, node = copy.network, copy.network.nodes[index]
    entries = [copy.entries[node.inputs[0]]]
    for slot, values in ((1, weight), (2, bias)):
        if slot < len(node.inputs):
            source = node.inputs[slot][0]
            like = network.nodes[source]
            if len(network.readers[source]) == 1:
                copy.names.discard(like.name)
            entries.append((copy.add_parameter(like.name, values, like), 0))
        else:
            entries.append((copy.add_parameter(f"{node.name}_bias", values), 0))
    attrs = {**node.attrs, "no_bias": "False"}
    return copy.add(replace(node, attrs=attrs, inputs=tuple(entries))), 0
