"""ONNX files from anywhere: what is checked before anything they name is opened."""
