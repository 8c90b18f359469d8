"""A model as onnx-ir holds it: names, operators and their kinds, FLOPs, weights, bytes."""
