"""Commands that make, or remove, files beside specs and scripts."""
