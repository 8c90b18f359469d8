"""A placement becomes a model, a model becomes a file."""
