"""A script's calls where no runtime is installed: its copy is beside the script alone.

What an engine sends is found by its module's name in a worker, and in Dask's scheduler.
What is `__main__`'s goes as it is instead (by cloudpickle, in Dask and in Ray alike), so
the one function here says that it is; it knows nothing of its own module.
"""

from __future__ import annotations

from typing import Any


def landed(home: str, package: str, run: str, call: bytes) -> Any:
    """In a worker: make a call with the copy of the runtime, which each run imports anew.

    Args:
        home: The folder that the copy is in.
        package: What it is called there.
        run: Tells runs apart.
        call: Pickled arguments of `called`.
    """
    import sys
    from importlib import import_module, invalidate_caches
    from pickle import loads

    shipping = f"{package}.engines.shipping"
    before = sys.modules.get(shipping)
    if before is not None and before.is_of_another(run):
        before.leave()
        for name in tuple(sys.modules):
            if f"{name}.".startswith(f"{package}."):
                del sys.modules[name]
        invalidate_caches()
    sys.path.insert(0, home)
    try:
        called = import_module(shipping).called
    finally:
        sys.path.remove(home)
    return called(*loads(call))


landed.__module__ = "__main__"
