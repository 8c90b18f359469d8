"""A GraphDef as the adapter sees it: references, operators and their kinds, FLOPs, regions.

TensorFlow is imported here first, without what it writes of itself to standard error:
its C++ side logs below Python, before any level can be set, whenever it is loaded.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def stderr_held_back() -> Iterator[None]:
    """Show what is written to standard error only if the block fails."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), STDERR)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with stderr_held_back():
    import tensorflow  # noqa: F401
