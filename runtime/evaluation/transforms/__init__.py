"""What is done to one sample, step by step: each step is a function of its image."""
