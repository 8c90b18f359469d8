"""A placement becomes a graph, a graph becomes a file."""
