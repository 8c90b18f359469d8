"""From numbers to a verdict: several criteria as one, what is in doubt, what is told."""
