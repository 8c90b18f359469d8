"""ONNX Runtime on this machine."""
