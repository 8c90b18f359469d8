"""The runtime beside a script: what of it the script needs, copied, held to, and used."""
