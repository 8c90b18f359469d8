"""What is on disk: the plan, the history of a search, and what is read back from them."""
