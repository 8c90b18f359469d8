"""A spec for a model that has none yet."""
