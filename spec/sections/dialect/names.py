"""Frameworks for which Neural Compressor has a name."""

TF = "tensorflow"
TORCH = "pytorch"
MX = "mxnet"
ORT = "onnx"
ALL = f"{TF} {TORCH} {MX} {ORT}"
