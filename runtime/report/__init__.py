"""What people read of a run and of a plan."""
