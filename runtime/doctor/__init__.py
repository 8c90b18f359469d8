"""What this machine and its frameworks can do, for `narrowcast doctor`."""
