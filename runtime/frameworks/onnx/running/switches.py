"""fp32 means fp32: what each runtime would narrow by itself is switched off."""

from __future__ import annotations

from collections.abc import Mapping

OPENVINO: Mapping[str, str] = {
    # The default on CPUs with bf16 is bf16 for every op, whatever the model says.
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
"""What compile_model is given, so that fp32 means fp32 and bf16 means bf16."""

ONNXRUNTIME: Mapping[str, str] = {
    # Arm CPUs would compute fp32 products in bf16.
    "mlas.enable_gemm_fastmath_arm64_bfloat16": "0",
}
"""Entries of a session's configuration."""

TENSORRT: Mapping[str, str] = {
    # A network of its own types, or pins would be suggestions.
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": "1",
    "BuilderFlag.TF32": "0",
}
"""What `trtexec --stronglyTyped --noTF32` sets."""
