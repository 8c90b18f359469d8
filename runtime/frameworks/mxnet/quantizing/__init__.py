"""Quantizing an fp32 model: which ops, by what scales, and which of them ran."""
