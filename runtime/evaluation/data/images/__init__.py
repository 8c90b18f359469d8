"""Datasets of images in files, and of their labels."""
