"""What can't be low: no kernel, out of range, pinned; and the reason of each."""
