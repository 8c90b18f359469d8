"""One op in int8 as a network of its own: quantize → op → dequantize."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...quantizing.quantization import Scale
from ..ir.network import VARIABLE, Network, Node
from ..ir.quantized.written import written
from .interpreter import Arrays, Runner
from .session import Executors

Ends = tuple[Scale, Scale]
"""Scales of what an op takes, and of what it makes."""


def in_int8(runner: Runner, index: int, given: Arrays, ends: Ends) -> Arrays:
    """What the op makes of these fp32 inputs in int8, as fp32."""
    return Executors(_alone(runner.network, index, ends))([given[0]])


def _alone(network: Network, index: int, ends: Ends) -> Network:
    node = network.nodes[index]
    data = Node(VARIABLE, "narrowcast_data")
    others = [network.nodes[source] for source, _k in node.inputs[1:]]
    inputs = tuple((k, 0) for k in range(len(node.inputs)))
    parameters = {each.name: network.parameters[each.name] for each in others}
    alone = Network(
        (data, *others, replace(node, inputs=inputs)),
        ((len(inputs), 0),),
        parameters,
    )
    scales: Mapping[str, Scale] = {data.name: ends[0], node.name: ends[1]}
    return written(alone, {node.name: data.name}, scales)
