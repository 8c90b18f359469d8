"""The checkpoint inside a SavedModel."""
