"""Memory that nothing needs any more, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Free what only cycles hold, and let the C library return what it keeps of that.

    glibc keeps freed blocks below 32 MB, which weights are, for what is allocated next; a
    process that is started meanwhile has nothing of them.
    """
    gc.collect()
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
