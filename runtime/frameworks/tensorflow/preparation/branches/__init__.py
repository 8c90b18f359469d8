"""Branches of TensorFlow 1: those that a constant settles, and all others."""
