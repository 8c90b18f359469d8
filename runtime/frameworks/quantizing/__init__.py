"""What int8 kernels need beside a precision: integers, scales, and where they are from."""
