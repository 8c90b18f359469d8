"""`transform`: what is done to each sample, a class for each name."""
