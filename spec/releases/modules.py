"""Which distribution has a module that a spec names: the well-known ones, by a table.

Asking this machine would make the script's bytes depend on what is installed here.
"""

from __future__ import annotations

from types import MappingProxyType

OTHERWISE = MappingProxyType(
    {
        "cv2": "opencv-python-headless",
        "open_clip": "open-clip-torch",
        "PIL": "pillow",
        "pytorch_lightning": "pytorch-lightning",
        "segmentation_models_pytorch": "segmentation-models-pytorch",
        "sentence_transformers": "sentence-transformers",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "tensorflow_datasets": "tensorflow-datasets",
        "tensorflow_hub": "tensorflow-hub",
        "tensorflow_text": "tensorflow-text",
        "yaml": "pyyaml",
    }
)
"""Module → distribution, where it is not the module's own name."""

ALIKE = frozenset(
    [
        "albumentations",
        "audiomentations",
        "datasets",
        "diffusers",
        "evaluate",
        "gluoncv",
        "gluonnlp",
        "h5py",
        "keras",
        "keras_cv",
        "keras_hub",
        "keras_nlp",
        "librosa",
        "lightning",
        "monai",
        "mxnet",
        "nltk",
        "numpy",
        "onnx",
        "onnxruntime",
        "openvino",
        "pandas",
        "pyarrow",
        "sacrebleu",
        "safetensors",
        "scipy",
        "soundfile",
        "tensorflow",
        "timm",
        "tokenizers",
        "torch",
        "torchaudio",
        "torcheval",
        "torchmetrics",
        "torchvision",
        "transformers",
        "ultralytics",
    ]
)
"""Modules that are called like their distributions."""


def distribution_of(module: str) -> str:
    """What pip calls the package that a module is of, "" where nobody can know.

    Args:
        module: Its dotted name.
    """
    top = module.partition(".")[0]
    return OTHERWISE.get(top) or (top.replace("_", "-") if top in ALIKE else "")
