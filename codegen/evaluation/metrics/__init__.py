"""How a script judges the model's outputs: a module for each kind."""
