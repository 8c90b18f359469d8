"""What numbers a 16-bit format has room for: those known offline, and the extreme."""
