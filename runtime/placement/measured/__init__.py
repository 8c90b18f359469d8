"""Costs measured on the machine that will run the model: taken, kept, found again."""
