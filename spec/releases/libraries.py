"""Libraries that only scripts need whose spec asks for what these do."""

PILLOW = "pillow~=13.0"
"""Images have the bits of this release's decoders."""

PYARROW = "pyarrow>=14"
TOKENIZERS = "tokenizers>=0.20,<1"
SCIKIT_LEARN = "scikit-learn>=1.3,<2"
"""The lowest that works; the highest depends on the framework's NumPy."""

SACREBLEU = "sacrebleu>=2.4,<3"
PYCOCOTOOLS = "pycocotools>=2.0.8,<3"
PYYAML = "pyyaml>=6,<7"
