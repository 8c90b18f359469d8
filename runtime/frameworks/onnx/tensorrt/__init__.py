"""TensorRT, which is not executed here."""
