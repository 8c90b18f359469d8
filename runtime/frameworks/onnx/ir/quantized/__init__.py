"""Which ops of a quantized model compute in int8, and what is part of their kernels."""
