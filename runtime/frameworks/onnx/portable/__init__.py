"""Any runtime that takes ONNX; none is executed as such."""
