"""How a script reads its dataset: a module for each kind."""
