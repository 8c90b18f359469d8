"""Keys and names that only Neural Compressor 1.x has."""
