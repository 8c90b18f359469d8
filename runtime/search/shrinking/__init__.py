"""From pins that pass to the few that are needed."""
