"""The parts of a page, from its top to its end."""
