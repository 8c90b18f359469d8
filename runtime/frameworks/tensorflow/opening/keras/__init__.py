"""What Keras saved, and Keras models in memory."""
