"""Files in: symbols, parameters, what they declare and what they may hold."""
