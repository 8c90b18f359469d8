"""A placement becomes a network, a network becomes files."""
