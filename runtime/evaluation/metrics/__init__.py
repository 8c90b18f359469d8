"""Metrics: one module each, all behind the protocol of `metric.py`."""
