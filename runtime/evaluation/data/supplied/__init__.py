"""Data that a script does not name: what is handed over when it runs."""
