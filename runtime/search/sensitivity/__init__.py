"""How much each op's rounding harms the outputs, and the order that follows."""
