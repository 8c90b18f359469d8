"""How a script reads its data, prepares it and judges the model's outputs."""
