"""The framework-neutral picture of a model, and the words for its precisions."""
