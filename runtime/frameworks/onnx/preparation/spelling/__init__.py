"""What exporters write as several ops, or as one, in the form that 16 bits have."""
