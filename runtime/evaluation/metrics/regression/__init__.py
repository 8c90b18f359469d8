"""Metrics of numbers: errors, losses, correlation."""
