"""Speed as it is asked for: `evaluation.performance` of the spec."""
