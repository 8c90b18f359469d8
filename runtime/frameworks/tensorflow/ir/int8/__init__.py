"""What is known of ops that may be written in int8, before any is."""
