"""YAML text → plain data that remembers where each value stands."""
