"""Trained weights out of files into the factory's module."""
