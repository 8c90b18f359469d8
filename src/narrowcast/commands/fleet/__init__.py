"""`narrowcast run` of several specs, or on an engine."""
