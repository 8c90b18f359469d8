"""How a script prepares samples, in the order that the spec has."""
