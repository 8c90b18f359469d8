"""What the machine and the frameworks can compute in 16 bits, and what is required."""
