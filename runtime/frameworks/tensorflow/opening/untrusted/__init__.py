"""Files from anywhere, checked before TensorFlow or Keras opens them."""
