"""Metrics of boxes in images."""
