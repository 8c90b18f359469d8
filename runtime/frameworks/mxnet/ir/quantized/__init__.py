"""Nodes that hold integers, and what oneDNN fused around them."""
