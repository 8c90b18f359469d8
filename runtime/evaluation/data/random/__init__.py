"""Data that is made up: seeded, and of stated shapes."""
