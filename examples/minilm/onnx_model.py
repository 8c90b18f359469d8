"""Write the classifier as `data/minilm_r8.onnx`.

pip install transformers onnxscript
python prepare.py && python onnx_model.py
"""

from pathlib import Path

import torch
from minilm import build
from safetensors.torch import load_file

DATA = Path(__file__).parent / "data"
INPUTS = ("input_ids", "attention_mask")


def main() -> None:
    """Tokens and their mask (batch, 64) → logits (batch, 8), at opset 18."""
    model = build().eval()
    model.load_state_dict(load_file(DATA / "minilm_r8.safetensors"))
    example = tuple(torch.ones(2, 64, dtype=torch.int64) for _ in INPUTS)
    torch.onnx.export(
        model,
        example,
        DATA / "minilm_r8.onnx",
        input_names=INPUTS,
        output_names=["logits"],
        dynamic_shapes={name: {0: "batch"} for name in INPUTS},
        opset_version=18,
        dynamo=True,
        external_data=False,
        verbose=False,
    )


if __name__ == "__main__":
    main()
