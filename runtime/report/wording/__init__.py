"""A document in words and rows: the same on a page and in Markdown."""
