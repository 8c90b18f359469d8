"""`dataset`: where the samples come from, a class for each name."""
