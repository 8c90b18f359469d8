"""What the sections of a spec may hold: one module each, with its rules."""
