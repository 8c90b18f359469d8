"""What opens models, and dies or hangs at it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def at_the_default_level(source: bytes | Path, level: int) -> None:
    """As ONNX Runtime 1.32 does with some transformers."""
    if level == 0:
        os.kill(os.getpid(), signal.SIGSEGV)


def always(source: bytes | Path, level: int) -> None:
    os.abort()


def never_comes_back(source: bytes | Path, level: int) -> None:
    time.sleep(600)


def raises(source: bytes | Path, level: int) -> None:
    raise ValueError(source)
