"""What a run says while it works, and what it keeps to itself."""
