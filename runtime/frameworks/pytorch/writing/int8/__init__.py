"""Contractions between a dequantize and a quantize, as compilers look for them."""
