"""What this machine can't run as it is: 16 bits without kernels, operators of others."""
