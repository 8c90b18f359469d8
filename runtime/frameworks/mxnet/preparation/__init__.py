"""Passes over the fp32 network that change its form and not what it computes."""
