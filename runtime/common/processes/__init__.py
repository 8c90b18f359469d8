"""Python processes that a run starts beside those that do one thing."""
