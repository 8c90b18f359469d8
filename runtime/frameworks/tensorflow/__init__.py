"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""
