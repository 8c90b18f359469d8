"""Ops in int8: their scales, and the nodes that stand around them."""
