"""Metrics of class numbers and of scores for classes."""
