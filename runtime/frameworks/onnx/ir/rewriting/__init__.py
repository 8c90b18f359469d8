"""Passes that run before a model is prepared too, and what they write with."""
