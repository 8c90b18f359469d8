"""Files in: models, what they declare and what they may hold."""
