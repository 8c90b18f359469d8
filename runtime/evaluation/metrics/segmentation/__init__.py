"""Metrics of maps with a class for each pixel."""
