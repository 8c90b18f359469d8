"""Quantizing an fp32 model: which ops, by what ranges, in which kernels."""
