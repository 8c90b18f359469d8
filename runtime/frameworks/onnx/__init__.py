"""ONNX: `.onnx` in, `.onnx` out, in memory as onnx-ir holds it."""
