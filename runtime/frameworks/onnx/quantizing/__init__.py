"""Quantizing an fp32 model: which ops, by what scales, in which nodes."""
