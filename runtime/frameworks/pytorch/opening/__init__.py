"""Files in: weights, exported programs, what they declare and what they may hold."""
