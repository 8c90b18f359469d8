"""How commands say what is wrong, and end."""
