"""Passes over the fp32 model that change its form and not what it computes."""
