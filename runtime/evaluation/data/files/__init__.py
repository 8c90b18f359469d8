"""Datasets in files of arrays, tables and sounds: a module for each format."""
