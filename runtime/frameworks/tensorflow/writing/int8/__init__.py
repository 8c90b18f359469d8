"""Ops in int8: oneDNN's kernels, which TensorFlow has as private ops."""
