"""Which kernels a model may have, and what they cost: found before the search."""
