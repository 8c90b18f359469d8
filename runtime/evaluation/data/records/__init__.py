"""TFRecord files, and what is in them."""
