"""Scoring a model: data, metrics, the loop, the baseline, the criterion."""
