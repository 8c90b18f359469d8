"""What a script hands to its run, and what its command line supplies."""
