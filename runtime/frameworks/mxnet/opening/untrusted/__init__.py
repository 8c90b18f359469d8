"""What a file from anywhere may hold: checked before MXNet opens it."""
